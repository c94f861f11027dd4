with source as (
    select * from {{ source('ai', 'finding') }}
),

renamed as (
    select
        {{ pseudonym('uid', 'finding_id') }} as finding_id,
        {{ pseudonym('uid', 'result_id') }} as result_id,
        {{ pseudonym('uid', 'tracking_uid') }} as tracking_uid,
        {{ pseudonym('uid', 'referenced_sop_instance_uid') }} as referenced_sop_instance_uid,
        finding_number,
        nullif(trim(scope), '') as scope,
        {{ mask_numbers('tracking_id') }} as tracking_id,
        nullif(trim(finding_type), '') as finding_type,
        nullif(trim(finding_type_mapping_status), '') as finding_type_mapping_status,
        nullif(trim(finding_type_source_code), '') as finding_type_source_code,
        nullif(trim(finding_type_source_system), '') as finding_type_source_system,
        nullif(trim(finding_type_source_name), '') as finding_type_source_name,
        nullif(trim(finding_site), '') as finding_site,
        nullif(trim(finding_site_mapping_status), '') as finding_site_mapping_status,
        nullif(trim(finding_site_source_code), '') as finding_site_source_code,
        nullif(trim(finding_site_source_system), '') as finding_site_source_system,
        nullif(trim(finding_site_source_name), '') as finding_site_source_name,
        nullif(trim(laterality), '') as laterality,
        nullif(trim(nodule_type), '') as nodule_type,
        long_axis_mm,
        short_axis_mm,
        mean_diameter_mm,
        diameter_mm,
        volume_mm3,
        mean_hu,
        probability,
        malignancy,
        {{ mask_numbers('malignancy_text') }} as malignancy_text,
        nullif(trim(malignancy_source_code), '') as malignancy_source_code,
        nullif(trim(malignancy_source_system), '') as malignancy_source_system,
        nullif(trim(malignancy_source_name), '') as malignancy_source_name,
        nullif(trim(lung_rads), '') as lung_rads,
        nullif(trim(algorithm), '') as algorithm,
        nullif(trim(algorithm_version), '') as algorithm_version,
        referenced_frame_number,
        referenced_segment_number,
        measurement_count,
        'ai' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from source
)

select * from renamed
