with source as (
    select * from {{ source('emr', 'vital_sign') }}
),

renamed as (
    select
        {{ pseudonym('vital_sign', 'record_id') }} as record_id,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient_core', "ltrim(patient_id, '0 ')") }} as patient_id_core,
        nullif(trim(temperature), '') as temperature,
        nullif(trim(pulse), '') as pulse,
        nullif(trim(respiration_rate), '') as respiration_rate,
        nullif(trim(systolic_pressure), '') as systolic_pressure,
        nullif(trim(diastolic_pressure), '') as diastolic_pressure,
        nullif(trim(oxygen_saturation), '') as oxygen_saturation,
        nullif(trim(oxygen_device), '') as oxygen_device,
        nullif(trim(glasgow_coma_scale), '') as glasgow_coma_scale,
        nullif(trim(consciousness), '') as consciousness,
        {{ parse_timestamp('measured_at') }} as measured_at,
        'emr' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from source
)

select * from renamed
