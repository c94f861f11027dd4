-- How the candidates became the cohort: one row per step, in the order of the spec.
with candidates as (
    select * from {{ ref('int_pulmonary_infection_candidate__qualify') }}
),

episodes as (
    select * from {{ ref('mart_pulmonary_infection__episode') }}
),

steps as (
    select 1 as step_no, 'candidate' as step_code, '候选就诊链' as label_zh, count(*) as chain_count,
        count(distinct patient_key) as patient_count
    from candidates
    union all
    select 2, 'not_test_patient', '非测试患者', count(*), count(distinct patient_key)
    from candidates
    where not fails_test_patient
    union all
    select 3, 'age_at_least_28_days', '年龄满28天', count(*), count(distinct patient_key)
    from candidates
    where not (fails_test_patient or fails_age)
    union all
    select 4, 'not_only_excluded_codes', '非仅排除编码', count(*), count(distinct patient_key)
    from candidates
    where not (fails_test_patient or fails_age or fails_only_excluded_codes)
    union all
    select 5, 'meets_a_rule', '符合任一入组规则', count(*), count(distinct patient_key)
    from candidates
    where not (fails_test_patient or fails_age or fails_only_excluded_codes or fails_no_rule)
    union all
    select 6, 'imaging_does_not_contradict', '影像不矛盾', count(*), count(distinct patient_key)
    from candidates
    where is_eligible
    union all
    select 7, 'episode', '合并再入院后的病程', count(*), count(distinct patient_id)
    from episodes
),

attrition as (
    select
        step_no,
        step_code,
        label_zh,
        chain_count,
        patient_count,
        lag(chain_count) over (order by step_no) - chain_count as removed_count
    from steps
)

select * from attrition
