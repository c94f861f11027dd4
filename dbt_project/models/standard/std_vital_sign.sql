-- A value outside the plausible range is no measurement: it becomes null here and stays as written in staging.
with versions as (
    {{ with_versions(ref('stg_emr__vital_sign'), ['record_id']) }}
),

encounters as (
    select * from {{ ref('std_encounter') }}
),

numbers as (
    select
        *,
        {{ parse_number('temperature') }} as temperature_number,
        {{ parse_number('pulse') }} as pulse_number,
        {{ parse_number('respiration_rate') }} as respiration_number,
        {{ parse_number('systolic_pressure') }} as systolic_number,
        {{ parse_number('diastolic_pressure') }} as diastolic_number,
        {{ parse_number('oxygen_saturation') }} as saturation_number,
        {{ parse_number('glasgow_coma_scale') }} as coma_number
    from versions
    where is_current
),

vital_signs as (
    select
        {{ surrogate_key(["'vital_sign'", 'numbers.record_id']) }} as vital_sign_key,
        encounters.patient_key,
        {{ surrogate_key(["'encounter'", 'numbers.visit_id']) }} as encounter_key,
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
        numbers.measured_at,
        encounters.encounter_key is null as is_orphan,
        numbers.version_no,
        numbers.source_system,
        numbers.source_period,
        numbers.load_id,
        numbers.loaded_at
    from numbers
    left join encounters on numbers.visit_id = encounters.visit_id
)

select * from vital_signs
