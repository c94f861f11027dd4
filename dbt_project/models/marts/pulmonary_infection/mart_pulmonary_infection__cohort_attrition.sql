-- How the candidates became the cohort: one row per step, in the order of the spec. A step keeps what fails none of
-- the criteria up to it.
{% set steps = [
    ('candidate', '候选就诊链', 'false'),
    ('not_test_patient', '非测试患者', 'fails_test_patient'),
    ('age_at_least_28_days', '年龄满28天', 'fails_age'),
    ('not_only_excluded_codes', '非仅排除编码', 'fails_only_excluded_codes'),
    ('meets_a_rule', '符合任一入组规则', 'fails_no_rule'),
    ('imaging_does_not_contradict', '影像不矛盾', 'fails_imaging_contradicts'),
] %}

with candidates as (
    select * from {{ ref('int_pulmonary_infection_candidate__qualify') }}
),

episodes as (
    select * from {{ ref('mart_pulmonary_infection__episode') }}
),

steps as (
    {% for code, label_zh, _ in steps -%}
        select
            {{ loop.index }} as step_no,
            '{{ code }}' as step_code,
            '{{ label_zh }}' as label_zh,
            count(*) as chain_count,
            count(distinct patient_key) as patient_count
        from candidates
        where
            not (
                {% for _, _, criterion in steps[:loop.index] %}                    {{ criterion }}{% if not loop.last %} or {% endif %}                    {% endfor %}
            )
        union all
    {% endfor -%}
    select
        {{ steps | length + 1 }} as step_no,
        'episode' as step_code,
        '合并再入院后的病程' as label_zh,
        count(*) as chain_count,
        count(distinct patient_id) as patient_count
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
