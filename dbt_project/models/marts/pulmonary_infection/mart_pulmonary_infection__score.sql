with episodes as (
    select * from {{ ref('int_pulmonary_infection_episode__group') }}
),

curb65 as (
    select * from {{ ref('int_pulmonary_infection_score__curb65') }}
),

scores as (
    select
        episodes.episode_id,
        episodes.patient_id,
        'curb65' as score_code,
        episodes.t_index - interval 6 hour as window_start,
        episodes.t_index + interval 24 hour as window_end,
        cast(curb65.total as double) as value_num,
        curb65.risk_group as value_text,
        cast(curb65.min as double) as value_min,
        cast(curb65.max as double) as value_max,
        curb65.missing_n,
        '1.0' as rule_version,
        'derived' as source_system,
        episodes.load_id,
        episodes.loaded_at
    from episodes
    inner join curb65 on episodes.episode_id = curb65.episode_id
)

select * from scores
