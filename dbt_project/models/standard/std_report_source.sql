-- All versions of all reports as each system tells them: coded, typed and linked to the person and the visit that the
-- row itself names. std_report makes one report of what several systems tell. The newest version by the source's own
-- number, then by 审核时间, 报告时间 and load is current; only a reviewed report is final (sources.md 4.5, 5.4).
with code_maps as (
    select * from {{ ref('std_code_map') }}
    where entity in ('exam', 'report', 'diagnostic_report')
),

links as (
    select * from {{ ref('std_patient_link') }}
),

record_links as (
    select * from {{ ref('std_patient_record_link') }}
),

unique_cores as (
    {{ unique_patient_cores('links') }}
),

encounters as (
    select * from {{ ref('std_encounter') }}
),

inpatients as (
    select
        inpatient_no,
        max(patient_key) as patient_key
    from encounters
    where inpatient_no is not null
    group by inpatient_no
    having count(distinct patient_key) = 1
),

statuses as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__report_status') }}
),

modalities as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__modality') }}
),

united as (
    select
        1 as system_trust,
        source_system,
        source_period,
        cast(null as varchar) as told_kind,
        exam_id as report_id,
        exam_id as text_report_id,
        exam_id,
        cast(null as varchar) as pathology_id,
        accession_number,
        accession_number_core,
        study_instance_uid,
        request_id,
        patient_id,
        patient_id_core,
        person_record_id,
        cast(null as varchar) as patient_identifier,
        inpatient_no,
        visit_id,
        modality as modality_source_name,
        body_part as body_part_source_name,
        exam_item,
        report_status as report_status_source_name,
        'preliminary' as status_without_word,
        positive_flag,
        try_cast(report_version as integer) as source_version,
        text_sha256,
        text_quality,
        coalesce(examined_at, registered_at) as examined_at,
        reported_at,
        verified_at,
        change,
        is_deleted,
        source_row_no,
        load_id,
        loaded_at
    from {{ ref('stg_ris__exam') }}
    union all
    select
        1 as system_trust,
        source_system,
        source_period,
        'ultrasound' as told_kind,
        exam_id as report_id,
        exam_id as text_report_id,
        exam_id,
        null as pathology_id,
        accession_number,
        accession_number_core,
        study_instance_uid,
        request_id,
        patient_id,
        patient_id_core,
        person_record_id,
        null as patient_identifier,
        inpatient_no,
        visit_id,
        'US' as modality_source_name,
        coalesce(body_part, exam_item) as body_part_source_name,
        exam_item,
        report_status as report_status_source_name,
        -- a register without statuses lists what was issued
        'final' as status_without_word,
        positive_flag,
        try_cast(report_version as integer) as source_version,
        text_sha256,
        text_quality,
        examined_at,
        coalesce(reported_at, examined_at) as reported_at,
        coalesce(verified_at, reported_at, examined_at) as verified_at,
        change,
        is_deleted,
        source_row_no,
        load_id,
        loaded_at
    from {{ ref('stg_us__exam') }}
    union all
    select
        1 as system_trust,
        source_system,
        source_period,
        'pathology' as told_kind,
        concat_ws('/', pathology_id, report_type) as report_id,
        pathology_id as text_report_id,
        pathology_id as exam_id,
        pathology_id,
        null as accession_number,
        null as accession_number_core,
        null as study_instance_uid,
        request_id,
        patient_id,
        patient_id_core,
        person_record_id,
        null as patient_identifier,
        inpatient_no,
        visit_id,
        'PATH' as modality_source_name,
        null as body_part_source_name,
        report_type as exam_item,
        report_status as report_status_source_name,
        case when report_type like '%补充%' then 'supplementary' else 'final' end as status_without_word,
        null as positive_flag,
        try_cast(report_version as integer) as source_version,
        text_sha256,
        text_quality,
        coalesce(received_at, submitted_at) as examined_at,
        reported_at,
        coalesce(verified_at, reported_at) as verified_at,
        change,
        is_deleted,
        source_row_no,
        load_id,
        loaded_at
    from {{ ref('stg_path__report') }}
    union all
    select
        2 as system_trust,
        source_system,
        source_period,
        report_kind as told_kind,
        report_id,
        report_id as text_report_id,
        coalesce(exam_id, report_id) as exam_id,
        null as pathology_id,
        accession_number,
        accession_number_core,
        study_instance_uid,
        request_id,
        patient_id,
        patient_id_core,
        person_record_id,
        null as patient_identifier,
        inpatient_no,
        visit_id,
        modality as modality_source_name,
        body_part as body_part_source_name,
        exam_item,
        report_status as report_status_source_name,
        'preliminary' as status_without_word,
        null as positive_flag,
        try_cast(report_version as integer) as source_version,
        text_sha256,
        text_quality,
        coalesce(examined_at, registered_at) as examined_at,
        reported_at,
        verified_at,
        change,
        is_deleted,
        source_row_no,
        load_id,
        loaded_at
    from {{ ref('stg_cdr__report') }}
    union all
    select
        3 as system_trust,
        source_system,
        source_period,
        coalesce(diagnostic_service_section, service_name) as told_kind,
        coalesce(filler_order_id, accession_number, placer_order_id, concat_ws('/', message_control_id, request_number))
            as report_id,
        coalesce(filler_order_id, accession_number, placer_order_id, message_control_id) as text_report_id,
        filler_order_id as exam_id,
        null as pathology_id,
        -- the filler's number is the accession number where no field of its own has one
        coalesce(accession_number, filler_accession_number) as accession_number,
        coalesce(accession_number_core, filler_accession_number_core) as accession_number_core,
        study_instance_uid,
        placer_order_id as request_id,
        patient_id,
        patient_id_core,
        null as person_record_id,
        null as patient_identifier,
        null as inpatient_no,
        visit_id,
        coalesce(modality, service_code) as modality_source_name,
        null as body_part_source_name,
        service_name as exam_item,
        coalesce(text_status, result_status) as report_status_source_name,
        'preliminary' as status_without_word,
        abnormal_flag as positive_flag,
        null as source_version,
        text_sha256,
        text_quality,
        observed_at as examined_at,
        coalesce(reported_at, sent_at) as reported_at,
        coalesce(sent_at, reported_at) as verified_at,
        change,
        is_deleted,
        source_row_no,
        load_id,
        loaded_at
    from {{ ref('stg_hl7v2__report') }}
    union all
    select
        4 as system_trust,
        source_system,
        source_period,
        coalesce(category_name, category_code, report_name) as told_kind,
        resource_id as report_id,
        resource_id as text_report_id,
        report_identifier as exam_id,
        null as pathology_id,
        accession_number,
        accession_number_core,
        null as study_instance_uid,
        null as request_id,
        patient_id,
        null as patient_id_core,
        null as person_record_id,
        patient_identifier,
        null as inpatient_no,
        null as visit_id,
        category_code as modality_source_name,
        null as body_part_source_name,
        coalesce(report_name, report_alternate_name) as exam_item,
        status as report_status_source_name,
        'preliminary' as status_without_word,
        null as positive_flag,
        try_cast(version_id as integer) as source_version,
        text_sha256,
        text_quality,
        coalesce(observed_at, issued_at) as examined_at,
        issued_at as reported_at,
        coalesce({{ parse_timestamp('last_updated') }}, issued_at) as verified_at,
        change,
        is_deleted,
        source_row_no,
        load_id,
        loaded_at
    from {{ ref('stg_fhir__diagnostic_report') }}
    -- a laboratory's summary of its results is no report of an examination
    where coalesce(category_code, '') not in ('LAB', 'laboratory', 'HM', 'CH', 'MB', 'SR')
),

versions as (
    {{ with_versions(
        'united', ['source_system', 'report_id'], ['source_version', 'verified_at', 'reported_at']
    ) }}
),

coded as (
    select
        versions.*,
        coalesce(modalities.modality, modality_maps.standard_value, upper(versions.modality_source_name)) as modality,
        {{ mapping_status(
            'versions.modality_source_name', 'modality_maps.standard_value', 'modalities.modality'
        ) }} as modality_mapping_status,
        coalesce(
            body_part_maps.standard_value,
            {{ body_part_of("concat_ws(' ', versions.body_part_source_name, versions.exam_item)") }}
        ) as body_part,
        coalesce(
            body_part_maps.standard_value,
            {{ body_parts_of("concat_ws(' ', versions.body_part_source_name, versions.exam_item)") }}
        ) as body_parts,
        {{ mapping_status(
            'versions.body_part_source_name', 'body_part_maps.standard_value',
            body_part_of("concat_ws(' ', versions.body_part_source_name, versions.exam_item)")
        ) }} as body_part_mapping_status,
        case
            when versions.is_deleted then 'cancelled'
            when versions.report_status_source_name is not null
                then coalesce(statuses.report_status, status_maps.standard_value, 'unmapped')
            -- a source without a status: who verified it, and when, says whether it was reviewed
            when
                versions.verified_at is not null
                and versions.system_trust <= 2
                and versions.status_without_word = 'preliminary'
                then 'final'
            else versions.status_without_word
        end as report_status,
        case
            when versions.report_status_source_name is null then 'inferred'
            else {{ mapping_status(
                'versions.report_status_source_name', 'status_maps.standard_value', 'statuses.report_status'
            ) }}
        end as report_status_mapping_status
    from versions
    {{ join_code_map('modality_maps', 'versions', ['modality'], 'modality_source_name') }}
    {{ join_code_map('body_part_maps', 'versions', ['body_part'], 'body_part_source_name') }}
    {{ join_code_map(
        'status_maps', 'versions', ['report_status', 'result_status', 'status'], 'report_status_source_name'
    ) }}
    left join modalities
        on
            coalesce({{ code_key('modality_maps.standard_value') }}, {{ code_key('versions.modality_source_name') }})
            = modalities.value_key
    left join statuses
        on
            coalesce({{ code_key('status_maps.standard_value') }}, {{ code_key('versions.report_status_source_name') }})
            = statuses.value_key
),

linked as (
    select
        coded.*,
        {{ report_kind_of("concat_ws(' ', coded.told_kind, coded.modality, coded.exam_item)") }} as report_kind,
        coalesce(
            by_record.patient_key,
            -- a row that is told apart by its name is not the number's person
            case when by_record.person_record_id is null then by_number.patient_key end,
            by_identifier.patient_key,
            encounters.patient_key,
            case when by_record.person_record_id is null then unique_cores.survivor_patient_key end,
            case when by_record.person_record_id is null then inpatients.patient_key end
        ) as patient_key,
        encounters.encounter_key,
        case
            when by_record.patient_key is not null then by_record.link_method
            when by_record.person_record_id is null and by_number.patient_key is not null then 'patient_id'
            when by_identifier.patient_key is not null then 'patient_identifier'
            when encounters.patient_key is not null then 'visit_id'
            when by_record.person_record_id is not null then 'none'
            when unique_cores.survivor_patient_key is not null then 'patient_id_without_zeros'
            when inpatients.patient_key is not null then 'inpatient_no'
            else 'none'
        end as link_method
    from coded
    left join record_links as by_record on coded.person_record_id = by_record.person_record_id
    left join links as by_number on coded.patient_id = by_number.patient_id
    left join links as by_identifier on coded.patient_identifier = by_identifier.patient_id
    left join encounters on coded.visit_id = encounters.visit_id
    left join unique_cores on coded.patient_id_core = unique_cores.patient_id_core
    left join inpatients on coded.inpatient_no = inpatients.inpatient_no
)

select * from linked
