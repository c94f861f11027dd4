-- One row per visit or admission, whichever systems tell of it: HIS before ADT messages, CDR and FHIR; a lower system
-- fills what a higher one leaves open (sources.md 5.1-5.3). Systems meet on the visit number, else on the only
-- encounter of that person, class and day.
{% set filled = [
    'outpatient_no', 'inpatient_no', 'medical_record_no', 'admission_count', 'admitted_at', 'discharged_at',
    'department', 'discharge_department', 'ward', 'admission_route', 'discharge_disposition_source_code'
] %}

with code_maps as (
    select * from {{ ref('std_code_map') }}
    where entity = 'encounter'
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

patients as (
    select * from {{ ref('std_patient') }}
),

classes as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__encounter_class') }}
),

dispositions as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__discharge_disposition') }}
),

his_rows as (
    select * from {{ ref('stg_his__encounter') }}
),

-- a number that stays with the person tells its stays apart by their count: one load brings several of them
counts_of_loads as (
    select
        source_period,
        visit_id,
        count(distinct admission_count) as stay_count
    from his_rows
    where admission_count is not null
    group by source_period, visit_id, load_id
),

counted_stays as (
    select
        source_period,
        visit_id
    from counts_of_loads
    group by source_period, visit_id
    having max(stay_count) > 1
),

his_stays as (
    select
        his_rows.*,
        case when counted_stays.visit_id is not null then coalesce(his_rows.admission_count, '') else '' end as stay
    from his_rows
    left join counted_stays
        on
            his_rows.visit_id = counted_stays.visit_id
            and coalesce(his_rows.source_period, '') = coalesce(counted_stays.source_period, '')
),

his_versions as (
    {{ with_versions('his_stays', ['source_period', 'visit_id', 'stay'], ['updated_at']) }}
),

cdr_versions as (
    {{ with_versions(ref('stg_cdr__encounter'), ['source_period', 'visit_id'], ['updated_at']) }}
),

fhir_versions as (
    {{ with_versions(
        ref('stg_fhir__encounter'), ['resource_id'], ['last_updated', 'try_cast(version_id as bigint)']
    ) }}
),

-- messages come late, twice and out of order: what was said last about each field holds (sources.md 4.11)
hl7v2_events as (
    select
        *,
        row_number() over (partition by visit_id order by sent_at nulls first, loaded_at, load_id, source_row_no)
            as event_no,
        case when trigger_event = 'A03' then coalesce(discharged_at, event_at) else discharged_at end
            as told_discharged_at
    from {{ ref('stg_hl7v2__encounter') }}
    where visit_id is not null
),

hl7v2_visits as (
    select
        visit_id,
        max_by(source_period, event_no) as source_period,
        {% for column in [
            'patient_id', 'patient_id_core', 'patient_class', 'admitted_at', 'ward', 'hospital_service',
            'discharge_disposition', 'admit_source'
        ] -%}
            max_by({{ column }}, case when {{ column }} is not null then event_no end) as {{ column }},
        {% endfor -%}
        case
            when
                max(case when trigger_event = 'A13' then event_no else 0 end)
                < max(case when told_discharged_at is not null then event_no end)
                then max_by(told_discharged_at, case when told_discharged_at is not null then event_no end)
        end as discharged_at,
        max(case when trigger_event in ('A11', 'A38') then event_no else 0 end)
        > max(case when trigger_event in ('A01', 'A04', 'A05', 'A02', 'A03', 'A08') then event_no else 0 end)
            as is_cancelled,
        max_by(trigger_event, event_no) in ('A05', 'A14') as is_planned,
        max_by(is_deleted, event_no) as is_deleted,
        count(*) as version_no,
        max_by(load_id, event_no) as load_id,
        max(loaded_at) as loaded_at
    from hl7v2_events
    group by visit_id
),

united as (
    select
        1 as system_trust,
        source_system,
        source_period,
        visit_id as source_key,
        stay,
        visit_id,
        patient_id,
        patient_id_core,
        person_record_id,
        cast(null as varchar) as patient_identifier,
        outpatient_no,
        inpatient_no,
        medical_record_no,
        encounter_class as encounter_class_source_code,
        discharge_disposition as discharge_disposition_source_code,
        admission_count,
        department,
        discharge_department,
        ward,
        admission_route,
        admitted_at,
        discharged_at,
        icu_admitted_at,
        coalesce({{ parse_boolean('is_cancelled') }}, false) or is_deleted as is_cancelled,
        cast(null as varchar) as told_status,
        is_deleted,
        version_no,
        valid_from,
        load_id,
        loaded_at
    from his_versions
    where is_current
    union all
    select
        2 as system_trust,
        'hl7v2' as source_system,
        source_period,
        visit_id as source_key,
        '' as stay,
        visit_id,
        patient_id,
        patient_id_core,
        null as person_record_id,
        null as patient_identifier,
        null as outpatient_no,
        null as inpatient_no,
        null as medical_record_no,
        patient_class as encounter_class_source_code,
        discharge_disposition as discharge_disposition_source_code,
        null as admission_count,
        hospital_service as department,
        null as discharge_department,
        ward,
        admit_source as admission_route,
        admitted_at,
        discharged_at,
        null as icu_admitted_at,
        is_cancelled or is_deleted as is_cancelled,
        case when is_planned then 'planned' end as told_status,
        is_deleted,
        version_no,
        loaded_at as valid_from,
        load_id,
        loaded_at
    from hl7v2_visits
    union all
    select
        3 as system_trust,
        source_system,
        source_period,
        visit_id as source_key,
        '' as stay,
        visit_id,
        patient_id,
        patient_id_core,
        person_record_id,
        null as patient_identifier,
        outpatient_no,
        inpatient_no,
        medical_record_no,
        encounter_class as encounter_class_source_code,
        discharge_disposition as discharge_disposition_source_code,
        admission_count,
        department,
        discharge_department,
        ward,
        admission_route,
        admitted_at,
        discharged_at,
        null as icu_admitted_at,
        coalesce({{ parse_boolean('is_cancelled') }}, false) or is_deleted as is_cancelled,
        null as told_status,
        is_deleted,
        version_no,
        valid_from,
        load_id,
        loaded_at
    from cdr_versions
    where is_current
    union all
    select
        4 as system_trust,
        source_system,
        source_period,
        resource_id as source_key,
        '' as stay,
        visit_id,
        patient_id,
        null as patient_id_core,
        null as person_record_id,
        patient_identifier,
        null as outpatient_no,
        null as inpatient_no,
        null as medical_record_no,
        class_code as encounter_class_source_code,
        discharge_disposition_code as discharge_disposition_source_code,
        null as admission_count,
        department,
        null as discharge_department,
        location as ward,
        admit_source as admission_route,
        started_at as admitted_at,
        ended_at as discharged_at,
        null as icu_admitted_at,
        lower(coalesce(status, '')) in ('cancelled', 'entered-in-error') or is_deleted as is_cancelled,
        case
            when lower(status) = 'planned' then 'planned'
            when lower(status) in ('arrived', 'triaged', 'in-progress', 'onleave') then 'active'
            when lower(status) = 'finished' then 'finished'
        end as told_status,
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
        coalesce(
            by_record.patient_key,
            -- a row that is told apart by its name is not the number's person
            case when by_record.person_record_id is null then by_number.patient_key end,
            by_identifier.patient_key,
            case when by_record.person_record_id is null then unique_cores.survivor_patient_key end
        ) as patient_key,
        case
            when by_record.person_record_id is not null then by_record.link_method
            when by_number.patient_key is not null then 'patient_id'
            when by_identifier.patient_key is not null then 'patient_identifier'
            when unique_cores.survivor_patient_key is not null then 'patient_id_without_zeros'
        end as link_method,
        -- what the hospital's own map says goes through the seed too, so that it may name a word of ours
        coalesce(classes.encounter_class, class_maps.standard_value) as encounter_class,
        {{ mapping_status(
            'united.encounter_class_source_code', 'class_maps.standard_value', 'classes.encounter_class'
        ) }} as encounter_class_mapping_status,
        coalesce(dispositions.discharge_disposition, disposition_maps.standard_value) as discharge_disposition,
        {{ mapping_status(
            'united.discharge_disposition_source_code', 'disposition_maps.standard_value',
            'dispositions.discharge_disposition'
        ) }} as discharge_disposition_mapping_status
    from united
    left join record_links as by_record on united.person_record_id = by_record.person_record_id
    left join links as by_number on united.patient_id = by_number.patient_id
    left join links as by_identifier on united.patient_identifier = by_identifier.patient_id
    left join unique_cores on united.patient_id_core = unique_cores.patient_id_core
    {{ join_code_map(
        'class_maps', 'united', ['encounter_class', 'patient_class', 'class_code'], 'encounter_class_source_code'
    ) }}
    {{ join_code_map(
        'disposition_maps', 'united', ['discharge_disposition', 'discharge_disposition_code'],
        'discharge_disposition_source_code'
    ) }}
    left join classes
        on
            coalesce({{ code_key('class_maps.standard_value') }}, {{ code_key('united.encounter_class_source_code') }})
            = classes.value_key
    left join dispositions
        on
            coalesce(
                {{ code_key('disposition_maps.standard_value') }},
                {{ code_key('united.discharge_disposition_source_code') }}
            ) = dispositions.value_key
),

-- a number that two layouts gave to two people, or one person's number for several stays, names no single encounter
shared_ids as (
    select visit_id
    from linked
    where system_trust = 1
    group by visit_id
    having count(*) > 1 and (count(distinct coalesce(patient_key, '')) > 1 or count(distinct stay) > 1)
),

numbered as (
    select
        linked.*,
        shared_ids.visit_id is not null as is_visit_id_shared,
        case
            when linked.system_trust = 1 and shared_ids.visit_id is null then linked.visit_id
            when linked.system_trust = 1 then concat_ws('/', linked.visit_id, linked.source_period, linked.stay)
        end as his_encounter_id,
        -- one of its kind for this person, class and day in its own system, or the day decides nothing
        count(*) over (
            partition by
                linked.source_system, linked.patient_key, linked.encounter_class, cast(linked.admitted_at as date)
        ) as same_day_count
    from linked
    left join shared_ids on linked.visit_id = shared_ids.visit_id
),

his_visits as (
    select distinct
        visit_id,
        his_encounter_id
    from numbered
    where system_trust = 1 and not is_visit_id_shared
),

his_days as (
    select
        patient_key,
        encounter_class,
        cast(admitted_at as date) as admitted_date,
        his_encounter_id
    from numbered
    where system_trust = 1 and same_day_count = 1 and patient_key is not null and admitted_at is not null
),

identified as (
    select
        numbered.*,
        coalesce(
            numbered.his_encounter_id, his_visits.his_encounter_id, his_days.his_encounter_id,
            case when not numbered.is_visit_id_shared then numbered.visit_id end, numbered.source_key
        ) as encounter_id
    from numbered
    left join his_visits on numbered.visit_id = his_visits.visit_id and numbered.system_trust > 1
    left join his_days
        on
            numbered.system_trust > 1
            and his_visits.his_encounter_id is null
            and numbered.same_day_count = 1
            and numbered.patient_key = his_days.patient_key
            and numbered.encounter_class = his_days.encounter_class
            and cast(numbered.admitted_at as date) = his_days.admitted_date
),

ranked as (
    select
        *,
        row_number() over (partition by encounter_id order by system_trust asc, loaded_at desc, source_key asc) as trust
    from identified
),

merged as (
    select
        encounter_id,
        max(case when not is_visit_id_shared then visit_id end) as visit_id,
        bool_or(is_visit_id_shared) as is_visit_id_shared,
        count(distinct patient_key) as patient_count,
        {{ hours_between('min(admitted_at)', 'max(admitted_at)') }} as admission_spread_hours,
        {% for column in [
            'patient_key', 'link_method', 'outpatient_no', 'inpatient_no', 'medical_record_no', 'admission_count',
            'department', 'discharge_department', 'ward', 'admission_route', 'admitted_at', 'discharged_at',
            'icu_admitted_at', 'told_status'
        ] -%}
            {{ most_trusted(column) }} as {{ column }},
        {% endfor -%}
        {{ most_trusted('encounter_class_source_code') }} as encounter_class_source_code,
        {{ most_trusted('encounter_class') }} as encounter_class,
        min_by(encounter_class_mapping_status, case when encounter_class is not null then trust end)
            as encounter_class_mapping_status,
        {{ most_trusted('discharge_disposition_source_code') }} as discharge_disposition_source_code,
        {{ most_trusted('discharge_disposition') }} as discharge_disposition,
        {{ most_trusted('discharge_disposition_mapping_status') }} as discharge_disposition_mapping_status,
        {{ filled_from(filled) }} as filled_from,
        {{ all_source_keys() }} as source_keys,
        {% for column in [
            'is_cancelled', 'is_deleted', 'version_no', 'valid_from', 'source_system', 'source_key', 'load_id',
            'loaded_at'
        ] -%}
            min_by({{ column }}, trust) as {{ column }},
        {% endfor -%}
        {{ most_trusted('source_period') }} as source_period
    from ranked
    group by encounter_id
),

encounters as (
    select
        {{ surrogate_key(["'encounter'", 'merged.encounter_id']) }} as encounter_key,
        merged.patient_key,
        merged.visit_id,
        merged.outpatient_no,
        merged.inpatient_no,
        merged.medical_record_no,
        merged.encounter_class_source_code,
        coalesce(merged.encounter_class, 'unmapped') as encounter_class,
        coalesce(merged.encounter_class_mapping_status, 'unmapped') as encounter_class_mapping_status,
        try_cast(merged.admission_count as integer) as admission_count,
        merged.department,
        merged.discharge_department,
        merged.ward,
        merged.admission_route,
        merged.discharge_disposition_source_code,
        merged.discharge_disposition,
        merged.discharge_disposition_mapping_status,
        case
            when merged.is_cancelled then 'cancelled'
            when merged.told_status = 'planned' and merged.discharged_at is null then 'planned'
            when merged.encounter_class = 'inpatient' and merged.discharged_at is null
                then coalesce(merged.told_status, 'active')
            else 'finished'
        end as encounter_status,
        {{ age_days('patients.birth_date', 'merged.admitted_at') }} as age_days,
        merged.admitted_at,
        merged.discharged_at,
        merged.icu_admitted_at,
        merged.patient_key is null as is_orphan,
        coalesce(merged.link_method, 'none') as link_method,
        merged.is_visit_id_shared,
        merged.source_keys,
        merged.filled_from,
        merged.version_no,
        true as is_current,
        merged.is_deleted,
        merged.valid_from,
        cast(null as timestamp) as valid_to,
        {{ flag_list([
            ['cross_system_conflict', 'merged.patient_count > 1 or abs(merged.admission_spread_hours) > 24'],
            ['date_order', 'merged.discharged_at < merged.admitted_at or cast(merged.admitted_at as date) < patients.birth_date'],
            ['orphan_record', 'merged.patient_key is null'],
            ['shared_id', 'merged.is_visit_id_shared']
        ]) }} as dq_flags,
        merged.source_system,
        merged.source_period,
        merged.source_key,
        merged.load_id,
        merged.loaded_at
    from merged
    left join patients on merged.patient_key = patients.patient_key
)

select * from encounters
