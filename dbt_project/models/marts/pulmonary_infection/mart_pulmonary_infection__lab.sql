-- Laboratory results of an episode: [t_index - 30 d, discharge or t_index + 30 d] (check PI-C32).
with episodes as (
    select * from {{ ref('int_pulmonary_infection_episode__group') }}
),

lab_results as (
    select * from {{ ref('std_lab_result') }} where not is_deleted
),

paired as (
    select
        episodes.episode_id,
        episodes.patient_id,
        lab_results.*,
        row_number() over (
            partition by lab_results.lab_result_key
            order by abs({{ hours_between('episodes.t_index', 'lab_results.collected_at') }}), episodes.episode_id
        ) as episode_rank
    from lab_results
    inner join episodes on lab_results.patient_key = episodes.patient_key
    where
        lab_results.collected_at >= episodes.t_index - interval 30 day
        and lab_results.collected_at <= coalesce(episodes.discharge_time, episodes.t_index + interval 30 day)
),

assembled as (
    select
        episode_id,
        patient_id,
        lab_result_key as result_id,
        item_code,
        item_source_name as item_name_raw,
        specimen,
        collected_at,
        verified_at as reported_at,
        value_source as value_raw,
        unit_source as unit_raw,
        basis,
        canonical_value,
        canonical_unit,
        case when value_comparator in ('<', '>', '≤', '≥') then value_comparator end as comparator,
        value_qualitative,
        abnormal_flag,
        value_status,
        loinc,
        source_system,
        load_id,
        loaded_at
    from paired
    where episode_rank = 1
)

select * from assembled
