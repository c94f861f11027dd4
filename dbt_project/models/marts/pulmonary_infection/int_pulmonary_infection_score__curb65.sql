with inputs as (
    select
        episodes.episode_id,
        episodes.age_years,
        measures.confusion_new,
        measures.urea_max as urea_mmol_l,
        measures.rr_max as rr_per_min,
        measures.sbp_min as sbp_mmhg,
        measures.dbp_min as dbp_mmhg
    from {{ ref('int_pulmonary_infection_episode__group') }} as episodes
    inner join {{ ref('int_pulmonary_infection_episode__measure') }} as measures
        on episodes.episode_id = measures.episode_id
),

scored as (
    {{ pulmonary_infection_curb65('inputs', 'episode_id') }}
)

select * from scored
