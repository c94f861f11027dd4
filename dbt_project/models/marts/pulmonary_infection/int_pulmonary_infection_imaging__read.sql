-- Chest examinations with what their valid reports say: one value per sign column, best of present > uncertain >
-- historical > absent over findings and impression (report_structuring.md 9.5, pulmonary_infection.md 3.2, 3.3).
{% set opacity_signs = ['ggo', 'consolidation', 'patchy_opacity', 'tree_in_bud', 'miliary', 'white_lung'] %}
{% set lobes = ['RUL', 'RML', 'RLL', 'LUL', 'LLL'] %}

with studies as (
    select *
    from {{ ref('std_imaging_study') }}
    where
        body_part = 'chest'
        and modality in ('CT', 'DX', 'CR', 'MR', 'US')
        and patient_key is not null
        and not coalesce(is_deleted, false)
),

reports as (
    select *
    from {{ ref('std_report') }}
    where is_current and report_status in ('final', 'amended', 'supplementary')
),

findings as (
    select *
    from {{ ref('std_report_finding') }}
    where
        assertion in ('present', 'uncertain', 'historical', 'absent')
        and coalesce(section, 'unsectioned') not in ('clinical_diagnosis', 'history', 'recommendation', 'technique')
),

signs as (
    select * from {{ ref('mapping__pulmonary_infection_sign') }}
),

mentions as (
    select
        findings.report_key,
        signs.sign_column,
        case findings.assertion when 'present' then 4 when 'uncertain' then 3 when 'historical' then 2 else 1 end
            as assertion_rank,
        findings.assertion in ('present', 'uncertain') as is_positive,
        signs.sign_column in ('{{ opacity_signs | join("', '") }}') as is_opacity,  -- noqa: LT05
        findings.laterality,
        -- the lingula is part of the left upper lobe
        ';' || replace(coalesce(findings.locations, ''), 'LIN', 'LUL') || ';' as locations,
        case
            when findings.change = 'increased' then 5
            when findings.change = 'new' then 4
            when findings.change = 'stable' then 3
            when findings.change = 'decreased' then 2
            when findings.change = 'resolved' then 1
        end as change_rank
    from findings
    inner join signs on findings.finding_code = signs.finding_code
),

by_report as (
    select
        report_key,
        {% for sign in sign_columns() -%}
            max(case when sign_column = '{{ sign }}' then assertion_rank end) as {{ sign }}_rank,
        {% endfor -%}
        max(case when is_positive and is_opacity and laterality in ('left', 'bilateral') then 1 else 0 end)
            as left_opacity,
        max(case when is_positive and is_opacity and laterality in ('right', 'bilateral') then 1 else 0 end)
            as right_opacity,
        {% for lobe in lobes -%}
            max(case when is_positive and is_opacity and locations like '%;{{ lobe }};%' then '{{ lobe }}' end)
                as lobe_{{ lobe | lower }},
        {% endfor -%}
        max(
            case
                when
                    is_positive and sign_column = 'pleural_effusion' and laterality in ('left', 'bilateral')
                    then 1
                else 0
            end
        )
            as left_effusion,
        max(
            case
                when
                    is_positive and sign_column = 'pleural_effusion' and laterality in ('right', 'bilateral')
                    then 1
                else 0
            end
        )
            as right_effusion,
        max(change_rank) as change_rank
    from mentions
    group by report_key
),

imaging as (
    select
        studies.study_key,
        studies.patient_key,
        coalesce(studies.study_instance_uid, studies.exam_id) as study_uid,
        studies.study_at as study_time,
        studies.modality,
        studies.has_images,
        studies.link_method,
        reports.report_key,
        reports.report_key is not null as has_report,
        reports.verified_at as report_time,
        reports.findings_text,
        reports.impression_text,
        case
            when by_report.left_opacity = 1 and by_report.right_opacity = 1 then true
            when by_report.left_opacity = 1 or by_report.right_opacity = 1 then false
        end as bilateral,
        nullif(
            concat_ws(
                ';', by_report.lobe_rul, by_report.lobe_rml, by_report.lobe_rll, by_report.lobe_lul, by_report.lobe_lll
            ),
            ''
        ) as opacity_lobes,
        case
            when by_report.left_effusion = 1 and by_report.right_effusion = 1 then 'both'
            when by_report.left_effusion = 1 then 'left'
            when by_report.right_effusion = 1 then 'right'
        end as effusion_side,
        case by_report.change_rank
            when 5 then 'increased' when 4 then 'new' when 3 then 'stable' when 2 then 'decreased' when
                1
                then 'resolved'
        end as change_vs_prior,
        try_cast(
            nullif(
                regexp_extract(
                    upper(concat_ws(' ', reports.findings_text, reports.impression_text)),
                    'CO-?RADS *[:：]? *([0-6])', 1
                ), ''
            ) as integer
        ) as corads_reported,
        {% for sign in sign_columns() -%}
            case by_report.{{ sign }}_rank
                when 4 then 'present' when 3 then 'uncertain' when 2 then 'historical' when 1 then 'absent'
            end as {{ sign }},
        {% endfor -%}
        case
            when reports.report_key is null then null
            {% for sign in opacity_signs + ['dx_pneumonia', 'dx_viral', 'dx_tb', 'dx_fungal'] -%}
                when by_report.{{ sign }}_rank >= 3 then true
            {% endfor -%}
            else false
        end as shows_pneumonia,
        studies.source_system,
        studies.load_id,
        studies.loaded_at
    from studies
    left join reports on studies.report_key = reports.report_key
    left join by_report on reports.report_key = by_report.report_key
)

select * from imaging
