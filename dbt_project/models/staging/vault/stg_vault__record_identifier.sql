with source as (
    select * from {{ source('vault', 'record_identifier') }}
),

renamed as (
    select
        record_id,
        id_type,
        case id_type
            when 'patient_id' then {{ pseudonym('patient', 'id_value') }}
            when 'fhir_patient' then {{ pseudonym('fhir_patient', 'id_value') }}
            when 'empi_id' then {{ pseudonym('empi_id', 'id_value') }}
            when 'card_no' then {{ pseudonym('card_no', 'id_value') }}
            when 'medical_record_no' then {{ pseudonym('medical_record_no', 'id_value') }}
            when 'inpatient_no' then {{ pseudonym('inpatient_no', 'id_value') }}
            when 'outpatient_no' then {{ pseudonym('outpatient_no', 'id_value') }}
            when 'insurance_no' then {{ pseudonym('insurance_no', 'id_value') }}
        end as identifier,
        case id_type
            when 'patient_id' then {{ patient_core('id_value') }}
            else {{ pseudonym('identifier_core', "id_type || '/' || id_key") }}
        end as identifier_core,
        id_prefix,
        id_suffix,
        first_seen as first_seen_at,
        last_seen as last_seen_at,
        source as source_system,
        nullif(period, '') as source_period
    from source
)

select * from renamed
