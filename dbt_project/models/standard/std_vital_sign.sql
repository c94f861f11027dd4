-- A value outside the plausible range is no measurement: it becomes null here and stays as written in staging.
-- Charted sets of the EMR, and FHIR observations of vital signs where no charted set has the same person and minute.
{% set vital_codes = [
    ['temperature', '8310-5'], ['pulse', '8867-4'], ['respiration_rate', '9279-1'], ['systolic_pressure', '8480-6'],
    ['diastolic_pressure', '8462-4'], ['oxygen_saturation', '2708-6|59408-5'], ['glasgow_coma_scale', '9269-2']
] %}

with emr_versions as (
    {{ with_versions(ref('stg_emr__vital_sign'), ['source_period', 'record_id']) }}
),

fhir_versions as (
    {{ with_versions(
        ref('stg_fhir__observation'), ['resource_id', 'component_number'],
        ['last_updated', 'try_cast(version_id as bigint)']
    ) }}
),

fhir_encounters as (
    select distinct
        resource_id,
        visit_id
    from {{ ref('stg_fhir__encounter') }}
    where visit_id is not null
),

links as (
    select * from {{ ref('std_patient_link') }}
),

unique_cores as (
    {{ unique_patient_cores('links') }}
),

encounters as (
    select * from {{ ref('std_encounter') }}
),

patients as (
    select * from {{ ref('std_patient') }}
),

fhir_sets as (
    select
        min(versions.resource_id) as source_key,
        min(fhir_encounters.visit_id) as visit_id,
        coalesce(versions.patient_identifier, versions.patient_id) as patient_id,
        {% for column, codes in vital_codes -%}
            max(
                case
                    when regexp_matches(versions.observation_code, '^({{ codes }})$') then versions.value
                end
            ) as {{ column }},
        {% endfor -%}
        versions.observed_at as measured_at,
        max(versions.version_no) as version_no,
        bool_and(versions.is_deleted) as is_deleted,
        max(versions.valid_from) as valid_from,
        max(versions.source_period) as source_period,
        max(versions.load_id) as load_id,
        max(versions.loaded_at) as loaded_at
    from fhir_versions as versions
    left join fhir_encounters on versions.encounter_id = fhir_encounters.resource_id
    where
        versions.is_current
        and versions.observation_code in (
            '8310-5', '8867-4', '9279-1', '8480-6', '8462-4', '2708-6', '59408-5', '9269-2'
        )
        and versions.observed_at is not null
    group by coalesce(versions.patient_identifier, versions.patient_id), versions.observed_at
),

united as (
    select
        1 as trust,
        record_id as source_key,
        visit_id,
        patient_id,
        patient_id_core,
        temperature,
        pulse,
        respiration_rate,
        systolic_pressure,
        diastolic_pressure,
        oxygen_saturation,
        oxygen_device,
        glasgow_coma_scale,
        consciousness,
        measured_at,
        version_no,
        is_deleted,
        valid_from,
        source_system,
        source_period,
        load_id,
        loaded_at
    from emr_versions
    where is_current
    union all
    select
        2 as trust,
        source_key,
        visit_id,
        patient_id,
        null as patient_id_core,
        temperature,
        pulse,
        respiration_rate,
        systolic_pressure,
        diastolic_pressure,
        oxygen_saturation,
        null as oxygen_device,
        glasgow_coma_scale,
        null as consciousness,
        measured_at,
        version_no,
        is_deleted,
        valid_from,
        'fhir' as source_system,
        source_period,
        load_id,
        loaded_at
    from fhir_sets
),

linked as (
    select
        united.*,
        encounters.encounter_key,
        coalesce(encounters.patient_key, by_number.patient_key, unique_cores.survivor_patient_key) as patient_key,
        {{ parse_number('united.temperature') }} as temperature_number,
        {{ parse_number('united.pulse') }} as pulse_number,
        {{ parse_number('united.respiration_rate') }} as respiration_number,
        {{ parse_number('united.systolic_pressure') }} as systolic_number,
        {{ parse_number('united.diastolic_pressure') }} as diastolic_number,
        {{ parse_number('united.oxygen_saturation') }} as saturation_number,
        {{ parse_number('united.glasgow_coma_scale') }} as coma_number
    from united
    left join encounters on united.visit_id = encounters.visit_id
    left join links as by_number on united.patient_id = by_number.patient_id
    left join unique_cores on united.patient_id_core = unique_cores.patient_id_core
),

-- a set charted in the EMR and sent as FHIR observations is one set
charted as (
    select distinct
        patient_key,
        date_trunc('minute', measured_at) as measured_minute
    from linked
    where trust = 1 and patient_key is not null and not is_deleted
),

numbers as (
    select linked.*
    from linked
    left join charted
        on
            linked.trust = 2
            and linked.patient_key = charted.patient_key
            and date_trunc('minute', linked.measured_at) = charted.measured_minute
    where charted.patient_key is null
),

vital_signs as (
    select
        {{ surrogate_key(["'vital_sign'", 'numbers.source_system', 'numbers.source_key']) }} as vital_sign_key,
        numbers.patient_key,
        numbers.encounter_key,
        numbers.oxygen_device as oxygen_device_source_name,
        case
            when regexp_matches(numbers.oxygen_device, '未吸氧|空气|自然') then 'room_air'
            when regexp_matches(numbers.oxygen_device, '鼻导管') then 'nasal_cannula'
            when regexp_matches(numbers.oxygen_device, '高流量') then 'hfnc'
            when regexp_matches(numbers.oxygen_device, '无创') then 'niv'
            when regexp_matches(numbers.oxygen_device, '有创|插管|呼吸机') then 'imv'
            when regexp_matches(numbers.oxygen_device, '面罩') then 'mask'
        end as oxygen_device,
        case
            when regexp_matches(numbers.consciousness, '神志不清|意识不清|模糊|嗜睡|昏睡|昏迷|谵妄|定向力障碍|意识障碍') then true
            when regexp_matches(numbers.consciousness, '清') then false
        end as has_altered_consciousness,
        cast(case when numbers.temperature_number between 30 and 43 then numbers.temperature_number end as double)
            as temperature_cel,
        cast(case when numbers.pulse_number between 20 and 250 then numbers.pulse_number end as integer)
            as pulse_per_min,
        cast(case when numbers.respiration_number between 4 and 80 then numbers.respiration_number end as integer)
            as respiration_per_min,
        cast(case when numbers.systolic_number between 30 and 280 then numbers.systolic_number end as integer)
            as systolic_mmhg,
        cast(case when numbers.diastolic_number between 10 and 180 then numbers.diastolic_number end as integer)
            as diastolic_mmhg,
        cast(case when numbers.saturation_number between 50 and 100 then numbers.saturation_number end as integer)
            as oxygen_saturation_pct,
        cast(case when numbers.coma_number between 3 and 15 then numbers.coma_number end as integer)
            as glasgow_coma_scale,
        {{ age_days('patients.birth_date', 'numbers.measured_at') }} as age_days,
        numbers.measured_at,
        numbers.encounter_key is null as is_orphan,
        numbers.version_no,
        true as is_current,
        numbers.is_deleted,
        numbers.valid_from,
        cast(null as timestamp) as valid_to,
        {{ flag_list([
            ['orphan_record', 'numbers.encounter_key is null'],
            [
                'value_out_of_range',
                'not coalesce(numbers.temperature_number between 30 and 43, true)'
                ~ ' or not coalesce(numbers.pulse_number between 20 and 250, true)'
                ~ ' or not coalesce(numbers.respiration_number between 4 and 80, true)'
                ~ ' or not coalesce(numbers.systolic_number between 30 and 280, true)'
                ~ ' or not coalesce(numbers.diastolic_number between 10 and 180, true)'
                ~ ' or not coalesce(numbers.saturation_number between 50 and 100, true)'
                ~ ' or not coalesce(numbers.coma_number between 3 and 15, true)'
            ]
        ]) }} as dq_flags,
        numbers.source_system,
        numbers.source_period,
        numbers.source_key,
        numbers.load_id,
        numbers.loaded_at
    from numbers
    left join patients on numbers.patient_key = patients.patient_key
)

select * from vital_signs
