-- Vital signs and laboratory values of each episode in its windows (pulmonary_infection.md 0.7):
-- W24 = [t_index - 6 h, t_index + 24 h), W72 = [t_index - 24 h, t_index + 72 h).
with episodes as (
    select * from {{ ref('int_pulmonary_infection_episode__group') }}
),

chains as (
    select * from {{ ref('int_pulmonary_infection_chain__build') }}
),

vital_signs as (
    select * from {{ ref('std_vital_sign') }}
    where not coalesce(is_deleted, false)
),

lab_results as (
    select *
    from {{ ref('std_lab_result') }}
    where value_status = 'ok' and not coalesce(is_deleted, false)
),

vitals_in_w24 as (
    select
        episodes.episode_id,
        max(vital_signs.temperature_cel) as temp_max_c,
        min(vital_signs.temperature_cel) as temp_min_c,
        max(vital_signs.pulse_per_min) as pulse_max,
        max(vital_signs.respiration_per_min) as rr_max,
        min(vital_signs.systolic_mmhg) as sbp_min,
        min(vital_signs.diastolic_mmhg) as dbp_min,
        min(case
            when vital_signs.diastolic_mmhg is not null
                then (vital_signs.systolic_mmhg + 2 * vital_signs.diastolic_mmhg) / 3.0
        end) as map_min,
        min(vital_signs.oxygen_saturation_pct) as spo2_min,
        min(case when vital_signs.oxygen_device = 'room_air' then vital_signs.oxygen_saturation_pct end)
            as spo2_room_air_min,
        min(vital_signs.glasgow_coma_scale) as gcs_min,
        bool_or(
            case
                when vital_signs.glasgow_coma_scale < 15 or vital_signs.has_altered_consciousness then true
                when vital_signs.glasgow_coma_scale = 15 or not vital_signs.has_altered_consciousness then false
            end
        ) as confusion_new
    from episodes
    inner join chains on episodes.chain_key = chains.chain_key
    inner join vital_signs on chains.encounter_key = vital_signs.encounter_key
    where {{ in_window('vital_signs.measured_at', 'episodes.t_index', -6, 24) }}
    group by episodes.episode_id
),

labs_in_window as (
    select
        episodes.episode_id,
        lab_results.item_code,
        lab_results.canonical_value,
        lab_results.collected_at,
        {{ in_window('lab_results.collected_at', 'episodes.t_index', -6, 24) }} as is_in_w24
    from episodes
    inner join lab_results on episodes.patient_key = lab_results.patient_key
    where {{ in_window('lab_results.collected_at', 'episodes.t_index', -24, 72) }}
),

labs as (
    select
        episode_id,
        min_by(canonical_value, case when item_code = 'wbc' and is_in_w24 then collected_at end) as wbc_first,
        min(case when item_code = 'lymph_abs' then canonical_value end) as lymph_min,
        coalesce(
            max(case when item_code = 'crp' then canonical_value end),
            max(case when item_code = 'hscrp' then canonical_value end)
        ) as crp_max,
        max(case when item_code = 'pct' then canonical_value end) as procalcitonin_max,
        max(case when item_code = 'ddimer' then canonical_value end) as ddimer_feu_max,
        max(case when item_code = 'urea' and is_in_w24 then canonical_value end) as urea_max,
        max(case when item_code = 'creat' and is_in_w24 then canonical_value end) as creat_max
    from labs_in_window
    group by episode_id
),

measured as (
    select
        episodes.episode_id,
        vitals_in_w24.temp_max_c,
        vitals_in_w24.temp_min_c,
        vitals_in_w24.pulse_max,
        vitals_in_w24.rr_max,
        vitals_in_w24.sbp_min,
        vitals_in_w24.dbp_min,
        case when vitals_in_w24.map_min between 20 and 200 then round(vitals_in_w24.map_min, 1) end as map_min,
        vitals_in_w24.spo2_min,
        vitals_in_w24.spo2_room_air_min,
        vitals_in_w24.gcs_min,
        vitals_in_w24.confusion_new,
        labs.wbc_first,
        labs.lymph_min,
        labs.crp_max,
        labs.procalcitonin_max,
        labs.ddimer_feu_max,
        labs.urea_max,
        labs.creat_max
    from episodes
    left join vitals_in_w24 on episodes.episode_id = vitals_in_w24.episode_id
    left join labs on episodes.episode_id = labs.episode_id
)

select * from measured
