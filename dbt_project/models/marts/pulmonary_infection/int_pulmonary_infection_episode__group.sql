-- Eligible chains grouped into episodes (pulmonary_infection.md 1.2, rule 5): a later chain starts a new episode when
-- it begins more than 30 days after the discharge before; 90 days when both are COVID-19; 180 when both are
-- tuberculosis, NTM or fungal. Otherwise it is a readmission of the same episode.
with chains as (
    select
        *,
        case
            when pi_type in ('HAP', 'VAP') and admission_time is not null
                then coalesce(first_late_opacity_at, admission_time + interval 48 hour)
            else arrival_time
        end as t_index
    from {{ ref('int_pulmonary_infection_candidate__qualify') }}
    where is_eligible
),

with_previous as (
    select
        *,
        lag(coalesce(discharge_time, arrival_time))
            over (partition by patient_key order by arrival_time)
            as previous_end,
        lag(pi_etiology) over (partition by patient_key order by arrival_time) as previous_etiology
    from chains
),

with_gap as (
    select
        *,
        {{ hours_between('previous_end', 'arrival_time') }} / 24.0 as gap_days,
        case
            when pi_etiology = 'covid19' and previous_etiology = 'covid19' then 90
            when
                pi_etiology in ('tb', 'ntm', 'fungal_mold', 'other_fungal', 'pcp')
                and previous_etiology in ('tb', 'ntm', 'fungal_mold', 'other_fungal', 'pcp')
                then 180
            else 30
        end as gap_needed_days
    from with_previous
),

numbered as (
    select
        *,
        sum(case when gap_days is null or gap_days > gap_needed_days then 1 else 0 end) over (
            partition by patient_key order by arrival_time rows between unbounded preceding and current row
        ) as episode_no
    from with_gap
),

ranked as (
    select
        *,
        row_number() over (partition by patient_key, episode_no order by arrival_time) as chain_no_in_episode,
        count(*) over (partition by patient_key, episode_no) - 1 as readmission_count
    from numbered
),

episodes as (
    select
        *,
        {{ episode_id('patient_id', 't_index') }} as episode_id
    from ranked
    where chain_no_in_episode = 1
)

select * from episodes
