-- One row per request for an examination, whichever systems tell of it: RIS before ORM messages and FHIR.
{% set filled = [
    'visit_id', 'exam_id', 'accession_number', 'study_instance_uid', 'modality_source_code', 'body_part',
    'requested_at', 'scheduled_at'
] %}

with code_maps as (
    select * from {{ ref('std_code_map') }}
    where entity in ('request', 'imaging_order', 'service_request')
),

modalities as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__modality') }}
),

statuses as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__order_status') }}
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

ris_versions as (
    {{ with_versions(ref('stg_ris__request'), ['source_period', 'request_id']) }}
),

hl7v2_rows as (
    select
        *,
        coalesce(placer_order_id, filler_order_id, concat_ws('/', message_control_id, request_number)) as request_id
    from {{ ref('stg_hl7v2__imaging_order') }}
),

hl7v2_versions as (
    {{ with_versions('hl7v2_rows', ['request_id'], ['sent_at']) }}
),

fhir_versions as (
    {{ with_versions(
        ref('stg_fhir__service_request'), ['resource_id'], ['last_updated', 'try_cast(version_id as bigint)']
    ) }}
),

united as (
    select
        1 as system_trust,
        source_system,
        source_period,
        request_id as source_key,
        request_id,
        patient_id,
        patient_id_core,
        person_record_id,
        cast(null as varchar) as patient_identifier,
        visit_id,
        exam_id,
        accession_number,
        cast(null as varchar) as study_instance_uid,
        modality as modality_source_code,
        body_part as body_part_source_name,
        {{ body_part_of("concat_ws(' ', body_part, exam_item)") }} as body_part,
        exam_item,
        department,
        request_status as request_status_source_code,
        requested_at,
        scheduled_at,
        is_deleted,
        version_no,
        valid_from,
        load_id,
        loaded_at
    from ris_versions
    where is_current
    union all
    select
        2 as system_trust,
        source_system,
        source_period,
        request_id as source_key,
        request_id,
        patient_id,
        patient_id_core,
        null as person_record_id,
        null as patient_identifier,
        visit_id,
        filler_order_id as exam_id,
        accession_number,
        study_instance_uid,
        modality as modality_source_code,
        null as body_part_source_name,
        {{ body_part_of('service_name') }} as body_part,
        service_name as exam_item,
        entering_organization as department,
        coalesce(order_control, order_status) as request_status_source_code,
        coalesce(requested_at, transacted_at) as requested_at,
        scheduled_at,
        is_deleted,
        version_no,
        valid_from,
        load_id,
        loaded_at
    from hl7v2_versions
    where is_current
    union all
    select
        3 as system_trust,
        source_system,
        source_period,
        resource_id as source_key,
        coalesce(placer_order_id, request_identifier, requisition_id, resource_id) as request_id,
        patient_id,
        null as patient_id_core,
        null as person_record_id,
        patient_identifier,
        null as visit_id,
        filler_order_id as exam_id,
        accession_number,
        null as study_instance_uid,
        null as modality_source_code,
        body_site as body_part_source_name,
        {{ body_part_of("concat_ws(' ', body_site, service_name)") }} as body_part,
        service_name as exam_item,
        null as department,
        status as request_status_source_code,
        authored_at as requested_at,
        scheduled_at,
        is_deleted,
        version_no,
        valid_from,
        load_id,
        loaded_at
    from fhir_versions
    where is_current
),

linked as (
    select
        united.*,
        coalesce(modalities.modality, modality_maps.standard_value, upper(united.modality_source_code)) as modality,
        {{ mapping_status(
            'united.modality_source_code', 'modality_maps.standard_value', 'modalities.modality'
        ) }} as modality_mapping_status,
        coalesce(statuses.order_status, status_maps.standard_value) as request_status,
        {{ mapping_status(
            'united.request_status_source_code', 'status_maps.standard_value', 'statuses.order_status'
        ) }} as request_status_mapping_status,
        encounters.encounter_key,
        coalesce(
            by_record.patient_key,
            -- a row that is told apart by its name is not the number's person
            case when by_record.person_record_id is null then by_number.patient_key end,
            by_identifier.patient_key,
            encounters.patient_key,
            case when by_record.person_record_id is null then unique_cores.survivor_patient_key end
        ) as patient_key
    from united
    left join record_links as by_record on united.person_record_id = by_record.person_record_id
    left join links as by_number on united.patient_id = by_number.patient_id
    left join links as by_identifier on united.patient_identifier = by_identifier.patient_id
    left join encounters on united.visit_id = encounters.visit_id
    left join unique_cores on united.patient_id_core = unique_cores.patient_id_core
    {{ join_code_map('modality_maps', 'united', ['modality'], 'modality_source_code') }}
    {{ join_code_map(
        'status_maps', 'united', ['request_status', 'order_status', 'status'], 'request_status_source_code'
    ) }}
    left join modalities
        on
            coalesce({{ code_key('modality_maps.standard_value') }}, {{ code_key('united.modality_source_code') }})
            = modalities.value_key
    left join statuses
        on
            coalesce({{ code_key('status_maps.standard_value') }}, {{ code_key('united.request_status_source_code') }})
            = statuses.value_key
),

ranked as (
    select
        *,
        row_number() over (partition by request_id order by system_trust asc, loaded_at desc, source_key asc) as trust
    from linked
),

merged as (
    select
        request_id,
        {% for column in [
            'patient_key', 'encounter_key', 'exam_id', 'accession_number', 'study_instance_uid', 'modality_source_code',
            'modality', 'modality_mapping_status', 'body_part_source_name', 'body_part', 'exam_item', 'department',
            'request_status_source_code', 'request_status', 'request_status_mapping_status', 'requested_at',
            'scheduled_at', 'source_period'
        ] -%}
            {{ most_trusted(column) }} as {{ column }},
        {% endfor -%}
        {{ filled_from(filled) }} as filled_from,
        {{ all_source_keys() }} as source_keys,
        {% for column in ['version_no', 'valid_from', 'source_system', 'source_key', 'load_id', 'loaded_at'] -%}
            min_by({{ column }}, trust) as {{ column }},
        {% endfor -%}
        min_by(is_deleted, trust) as is_deleted
    from ranked
    group by request_id
),

requests as (
    select
        {{ surrogate_key(["'request'", 'request_id']) }} as request_key,
        patient_key,
        encounter_key,
        request_id,
        exam_id,
        accession_number,
        study_instance_uid,
        modality_source_code,
        modality,
        modality_mapping_status,
        body_part_source_name,
        body_part,
        exam_item,
        department,
        request_status_source_code,
        case when is_deleted then 'cancelled' else coalesce(request_status, 'unmapped') end as request_status,
        request_status_mapping_status,
        requested_at,
        scheduled_at,
        source_keys,
        filled_from,
        version_no,
        true as is_current,
        is_deleted,
        valid_from,
        cast(null as timestamp) as valid_to,
        {{ flag_list([
            ['date_order', "scheduled_at < requested_at - interval 24 hour"],
            ['orphan_record', 'patient_key is null']
        ]) }} as dq_flags,
        source_system,
        source_period,
        source_key,
        load_id,
        loaded_at
    from merged
)

select * from requests
