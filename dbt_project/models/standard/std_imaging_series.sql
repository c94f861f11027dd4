-- One row per series of the images that are stored.
with series as (
    select * from {{ ref('stg_dicom__series') }}
),

studies as (
    select * from {{ ref('std_imaging_study') }}
    where has_images
),

imaging_series as (
    select
        {{ surrogate_key(["'series'", 'series.series_instance_uid']) }} as series_key,
        studies.study_key,
        studies.patient_key,
        series.series_instance_uid,
        series.study_instance_uid,
        series.modality,
        series.body_part,
        series.laterality,
        series.series_number,
        series.manufacturer,
        series.manufacturer_model_name as device,
        series.slice_thickness as slice_thickness_mm,
        series.spacing_between_slices as slice_spacing_mm,
        series.kvp,
        series.ctdi_vol as ctdi_vol_mgy,
        series.convolution_kernel,
        series.contrast_bolus_agent is not null as has_contrast,
        series.n_instances as instance_count,
        {{ instant_of('series.series_date', 'series.series_time') }} as series_at,
        true as is_current,
        not series.is_present as is_deleted,
        series.loaded_at as valid_from,
        cast(null as timestamp) as valid_to,
        {{ flag_list([['orphan_record', 'studies.study_key is null']]) }} as dq_flags,
        series.source_system,
        cast(null as varchar) as source_period,
        series.series_instance_uid as source_key,
        series.load_id,
        series.loaded_at
    from series
    left join studies on series.study_instance_uid = studies.study_instance_uid
)

select * from imaging_series
