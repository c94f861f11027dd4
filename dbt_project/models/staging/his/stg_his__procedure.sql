with source as (
    select * from {{ source('his', 'procedure') }}
),

cleaned as (
    select
        {{ clean('procedure_id') }} as procedure_id,
        {{ clean('visit_id') }} as visit_id,
        procedure_code as procedure_source_code,
        {{ clean('procedure_code') }} as procedure_code,
        {{ clean('procedure_name') }} as procedure_name,
        {{ clean('performed_date') }} as performed_date,
        {{ clean('started_at') }} as started_at,
        {{ clean('ended_at') }} as ended_at,
        {{ clean('blood_loss') }} as blood_loss,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('procedure_level') }} as procedure_level,
        {{ clean('incision_healing') }} as incision_healing,
        {{ clean('anesthesia') }} as anesthesia,
        {{ clean('transfusion') }} as transfusion,
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
        {{ pseudonym('procedure', 'procedure_id') }} as procedure_id,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ patient_core('patient_id') }} as patient_id_core,
        nullif(trim(procedure_source_code), '') as procedure_source_code,
        nullif(trim(procedure_code), '') as procedure_code,
        {{ mask_numbers('procedure_name') }} as procedure_name,
        nullif(trim(blood_loss), '') as blood_loss,
        nullif(trim(procedure_level), '') as procedure_level,
        nullif(trim(incision_healing), '') as incision_healing,
        nullif(trim(anesthesia), '') as anesthesia,
        nullif(trim(transfusion), '') as transfusion,
        nullif(trim(is_void), '') as is_void,
        {{ parse_timestamp('performed_date') }} as performed_date,
        {{ parse_timestamp('started_at') }} as started_at,
        {{ parse_timestamp('ended_at') }} as ended_at,
        _change as change,
        _change is not null or coalesce({{ parse_boolean('is_void') }}, false) as is_deleted,
        'his' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from cleaned
)

select * from renamed
