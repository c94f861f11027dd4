with source as (
    select * from {{ source('emr', 'vital_sign') }}
),

cleaned as (
    select
        {{ clean('record_id') }} as record_id,
        {{ clean('visit_id') }} as visit_id,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('measured_at') }} as measured_at,
        {{ clean('temperature') }} as temperature,
        {{ clean('pulse') }} as pulse,
        {{ clean('respiration_rate') }} as respiration_rate,
        {{ clean('systolic_pressure') }} as systolic_pressure,
        {{ clean('diastolic_pressure') }} as diastolic_pressure,
        {{ clean('oxygen_saturation') }} as oxygen_saturation,
        {{ clean('oxygen_device') }} as oxygen_device,
        {{ clean('glasgow_coma_scale') }} as glasgow_coma_scale,
        {{ clean('consciousness') }} as consciousness,
        {{ clean('inpatient_no') }} as inpatient_no,
        {{ clean('is_void') }} as is_void,
        _change,
        _src_period,
        _src_file,
        _src_row_no,
        _row_sha256,
        _batch_id,
        _loaded_at
    from source
),

renamed as (
    select
        {{ pseudonym('vital_sign', 'record_id') }} as record_id,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ patient_core('patient_id') }} as patient_id_core,
        {{ pseudonym('inpatient_no', 'inpatient_no') }} as inpatient_no,
        nullif(trim(temperature), '') as temperature,
        nullif(trim(pulse), '') as pulse,
        nullif(trim(respiration_rate), '') as respiration_rate,
        nullif(trim(systolic_pressure), '') as systolic_pressure,
        nullif(trim(diastolic_pressure), '') as diastolic_pressure,
        nullif(trim(oxygen_saturation), '') as oxygen_saturation,
        nullif(trim(oxygen_device), '') as oxygen_device,
        nullif(trim(glasgow_coma_scale), '') as glasgow_coma_scale,
        nullif(trim(consciousness), '') as consciousness,
        nullif(trim(is_void), '') as is_void,
        {{ parse_timestamp('measured_at') }} as measured_at,
        _change as change,
        _change is not null or coalesce({{ parse_boolean('is_void') }}, false) as is_deleted,
        'emr' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from cleaned
)

select * from renamed
