with episodes as (
    select * from {{ ref('mart_pulmonary_infection__episode') }}
),

patients as (
    select
        patient_id,
        max(sex) as sex,
        count(*) as episode_count,
        min(t_index) as first_index_time,
        max(t_index) as last_index_time,
        max(load_id) as load_id,
        max(loaded_at) as loaded_at
    from episodes
    group by patient_id
)

select * from patients
