-- Encounter chains (pulmonary_infection.md 1.2, rule 1): an encounter joins the one before when it starts at most
-- 24 hours after that one ended.
with encounters as (
    select
        *,
        case
            when discharged_at is not null then discharged_at
            when encounter_status = 'active' then {{ far_future() }}
            else admitted_at
        end as ended_at
    from {{ ref('std_encounter') }}
    where encounter_status not in ('cancelled', 'planned') and patient_key is not null and admitted_at is not null
),

with_previous_end as (
    select
        *,
        max(ended_at) over (
            partition by patient_key order by admitted_at, encounter_key
            rows between unbounded preceding and 1 preceding
        ) as previous_end
    from encounters
),

numbered as (
    select
        *,
        sum(
            case
                when previous_end is null or {{ hours_between('previous_end', 'admitted_at') }} > 24 then 1 else 0
            end
        ) over (
            partition by patient_key order by admitted_at, encounter_key
            rows between unbounded preceding and current row
        ) as chain_no
    from with_previous_end
),

firsts as (
    select
        *,
        first_value(encounter_key) over (
            partition by patient_key, chain_no order by admitted_at, encounter_key
        ) as chain_key,
        first_value(visit_id) over (
            partition by patient_key, chain_no order by admitted_at, encounter_key
        ) as first_visit_id
    from numbered
),

chained as (
    select
        encounter_key,
        chain_key,
        first_visit_id,
        patient_key,
        min(admitted_at) over (partition by chain_key) as arrival_time,
        min(case when encounter_class = 'inpatient' then admitted_at end) over (partition by chain_key)
            as admission_time,
        max(case when encounter_class = 'inpatient' then discharged_at end) over (partition by chain_key)
            as discharge_time,
        min(icu_admitted_at) over (partition by chain_key) as icu_admit_time,
        max_by(discharge_disposition, case when encounter_class = 'inpatient' then discharged_at end)
            over (partition by chain_key) as discharge_disposition,
        max(case when encounter_class = 'inpatient' then 2 when encounter_class = 'emergency' then 1 else 0 end)
            over (partition by chain_key) as visit_level,
        source_system,
        load_id,
        loaded_at
    from firsts
)

select * from chained
