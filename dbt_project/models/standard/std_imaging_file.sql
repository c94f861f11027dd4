-- One row per stored image object; its file goes by a token, never by a path.
with instances as (
    select * from {{ ref('stg_dicom__instance') }}
),

series as (
    select * from {{ ref('std_imaging_series') }}
),

files as (
    select
        {{ surrogate_key(["'image'", 'instances.sop_instance_uid']) }} as image_key,
        series.series_key,
        series.study_key,
        series.patient_key,
        instances.sop_instance_uid,
        instances.series_instance_uid,
        instances.study_instance_uid,
        instances.file_token as path_token,
        'DICOM' as file_format,
        instances.sop_class_uid,
        instances.transfer_syntax_uid,
        instances.modality,
        instances.instance_number,
        instances.rows as row_count,
        instances.columns as column_count,
        instances.number_of_frames as frame_count,
        case
            when upper(instances.burned_in_annotation) = 'YES' or instances.modality in ('SC', 'OT') then 'high'
            when upper(instances.burned_in_annotation) = 'NO' then 'low'
            else 'unknown'
        end as burned_in_risk,
        instances.is_truncated,
        instances.n_copies as copy_count,
        instances.has_conflicting_copy,
        {{ instant_of('instances.acquisition_date', 'instances.acquisition_time') }} as acquired_at,
        true as is_current,
        not instances.is_present as is_deleted,
        instances.loaded_at as valid_from,
        cast(null as timestamp) as valid_to,
        {{ flag_list([
            ['orphan_record', 'series.series_key is null'],
            ['truncated_file', 'instances.is_truncated']
        ]) }} as dq_flags,
        instances.source_system,
        cast(null as varchar) as source_period,
        instances.sop_instance_uid as source_key,
        instances.load_id,
        instances.loaded_at
    from instances
    left join series on instances.series_instance_uid = series.series_instance_uid
)

select * from files
