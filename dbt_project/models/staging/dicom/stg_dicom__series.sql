with source as (
    select * from {{ source('dicom', 'series') }}
),

renamed as (
    select
        {{ pseudonym('uid', 'series_instance_uid') }} as series_instance_uid,
        {{ pseudonym('uid', 'study_instance_uid') }} as study_instance_uid,
        {{ pseudonym('device_serial_number', 'device_serial_number') }} as device_serial_number,
        {{ pseudonym('uid', 'frame_of_reference_uid') }} as frame_of_reference_uid,
        nullif(trim(modality), '') as modality,
        series_number,
        series_date,
        series_time,
        nullif(trim(body_part_examined), '') as body_part_examined,
        nullif(trim(laterality), '') as laterality,
        nullif(trim(patient_position), '') as patient_position,
        nullif(trim(view_position), '') as view_position,
        nullif(trim(manufacturer), '') as manufacturer,
        nullif(trim(manufacturer_model_name), '') as manufacturer_model_name,
        nullif(trim(software_versions), '') as software_versions,
        nullif(trim(sop_class_uid), '') as sop_class_uid,
        nullif(trim(transfer_syntax_uid), '') as transfer_syntax_uid,
        rows,
        columns,
        number_of_frames,
        nullif(trim(pixel_spacing), '') as pixel_spacing,
        slice_thickness,
        spacing_between_slices,
        nullif(trim(image_orientation_patient), '') as image_orientation_patient,
        kvp,
        ctdi_vol,
        spiral_pitch_factor,
        nullif(trim(convolution_kernel), '') as convolution_kernel,
        nullif(trim(contrast_bolus_agent), '') as contrast_bolus_agent,
        nullif(trim(contrast_bolus_route), '') as contrast_bolus_route,
        magnetic_field_strength,
        repetition_time,
        echo_time,
        inversion_time,
        flip_angle,
        nullif(trim(sequence_name), '') as sequence_name,
        nullif(trim(burned_in_annotation), '') as burned_in_annotation,
        n_instances,
        is_present,
        nullif(trim(fingerprint), '') as fingerprint,
        {{ body_part_of("concat_ws(' ', body_part_examined, series_description, protocol_name)") }} as body_part,
        'dicom' as source_system,
        batch_id as load_id,
        loaded_at
    from source
)

select * from renamed
