{#
    FIGO clinical classification (Jauniaux 2019; placenta_accreta.md 4.1): the higher of the clinical and the
    histologic grade. It is complete when every input that could raise it is known.
#}
{% macro placenta_accreta_figo_2019(relation, key) -%}
    select
        {{ key }},
        grade,
        clinical as clinical_grade,
        histologic as histologic_grade,
        case
            when clinical is not null and histologic is not null then 'both'
            when clinical is not null then 'clinical'
            when histologic is not null then 'histology'
        end as basis,
        left(clinical, 1) <> left(histologic, 1) as discordant,
        case when grade is not null then is_dehiscence and grade = '0' end as scar_dehiscence_flag,
        case
            when grade is null then 'not_computable'
            when histologic is not null and grade in ('0', '1', '2') then 'complete'
            when is_vaginal and grade in ('0', '1') then 'complete'
            when is_vaginal then 'lower_bound'
            when
                case grade
                    when '3c' then true
                    when '3b' then other_organ_inv is not null
                    when '3a' then bladder_known and other_known
                    when '2' then bladder_known and other_known and through_known
                    else
                        bladder_known and other_known and through_known and dimple is not null
                        and (
                            (grade = '0' and is_dehiscence)
                            or (serosa_abn is not null and hypervasc is not null)
                        )
                end
                then 'complete'
            else 'lower_bound'
        end as status
    from (
        select
            *,
            bladder_inv is not null as bladder_known,
            other_organ_inv is not null as other_known,
            through_serosa is not null as through_known,
            -- the grades sort as their text does
            case
                when clinical is null then histologic
                when histologic is null then clinical
                else greatest(clinical, histologic)
            end as grade
        from (
            select
                *,
                case
                    when is_vaginal then case when adherent then '1' when not adherent then '0' end
                    when other_organ_inv then '3c'
                    when bladder_inv then '3b'
                    when through_serosa then '3a'
                    when dimple then '2'
                    when is_dehiscence then '0'
                    when serosa_abn or hypervasc then '2'
                    when adherent then '1'
                    when not adherent then '0'
                end as clinical
            from (
                select
                    *,
                    -- counts only where no deeper finding decides
                    coalesce(not is_vaginal and (serosa_abn or hypervasc) and not adherent, false) as is_dehiscence
                from (
                    select
                        *,
                        coalesce(lower(route) = 'vaginal', false) as is_vaginal,
                        case
                            when lower(path_specimen) in ('hysterectomy', 'partial_myometrial_resection')
                                then case lower(path_depth)
                                    when 'none' then '0'
                                    when 'accreta' then '1'
                                    when 'increta' then '2'
                                    when 'percreta' then '3a'
                                end
                        end as histologic
                    from {{ relation }}
                )
            )
        )
    )
{%- endmacro %}


{#
    Ultrasound scale of nine items, 0 to 18 (北医三院 9 项; Chong 2018; placenta_accreta.md 4.2). Thickness 0.5 to 15 cm
    and caesareans 0 to 8 are the ranges of section 3.
#}
{% macro placenta_accreta_us_score_9item(relation, key) -%}
    {%- set values = {
        'placenta_position': ['normal', 'marginal_or_low', 'previa'],
        'clear_zone': ['continuous', 'partial_loss', 'lost'],
        'bladder_line': ['continuous', 'interrupted', 'lost'],
        'lacunae': ['none', 'present', 'confluent_boiling'],
        'subplacental_flow': ['regular', 'increased', 'cross_border'],
        'cervical_sinus': ['none', 'present', 'confluent_boiling'],
        'cervix_shape': ['intact', 'incomplete', 'absent']
    } -%}
    {%- set items = [
        ['placenta_position', 2], ['thickness', 2], ['clear_zone', 2], ['bladder_line', 2], ['lacunae', 2],
        ['subplacental_flow', 2], ['cervical_sinus', 2], ['cervix_shape', 2], ['prior_cs', 2]
    ] -%}
    {%- set source -%}
        select
            {{ key }},
            {% for name, graded in values.items() -%}
                {{ member_points(name, {graded[0]: 0, graded[1]: 1, graded[2]: 2}) }} as {{ name }},
            {% endfor -%}
            case
                when not coalesce(thickness_cm between 0.5 and 15, false) then null
                when thickness_cm < 3 then 0
                when thickness_cm <= 5 then 1
                else 2
            end as thickness,
            {{ step_points(whole_within('prior_cs_count', 0, 8), [[1, 1], [2, 2]]) }} as prior_cs
        from {{ relation }}
    {%- endset -%}
    {{ interval_score(source, [key], items, [[5, 'low'], [9, 'intermediate'], [18, 'high']]) }}
{%- endmacro %}


{#
    The seven recommended MRI signs of the SAR-ESUR consensus (Jha 2020; placenta_accreta.md 4.3), a count without a
    cut-off; signs that were rated uncertain are not counted.
#}
{% macro placenta_accreta_sar_esur_mri(relation, key) -%}
    {%- set signs = [
        't2_dark_bands', 'bulge', 'retroplacental_line_loss', 'myometrial_thinning', 'bladder_wall_interruption',
        'exophytic_mass', 'placental_bed_vascularity'
    ] -%}
    select
        {{ key }},
        case when n_missing < 7 then positive end as n_pos,
        case when n_missing < 7 then positive + n_missing end as n_pos_max,
        n_missing,
        bladder_wall_interruption or exophytic_mass as extrauterine_sign,
        case n_missing when 0 then 'complete' when 7 then 'not_computable' else 'partial' end as status
    from (
        select
            {{ key }},
            bladder_wall_interruption,
            exophytic_mass,
            {{ missing_count(signs) }} as n_missing,
            {% for sign in signs -%}
                cast(coalesce({{ sign }}, false) as integer){% if not loop.last %} + {% endif %}
            {%- endfor %} as positive
        from {{ relation }}
    )
{%- endmacro %}


{#
    Class of placenta previa, of the guideline of 2020 and of the four types before it (前置胎盘的诊断与处理指南 2020;
    placenta_accreta.md 4.4). A relation and a distance that contradict each other give no class.
#}
{% macro placenta_accreta_previa_class(relation, key) -%}
    select
        {{ key }},
        class_2020,
        class_2013,
        case
            when class_2020 is null then null
            when class_2020 <> 'previa' or scars = 0 or not over_scar then false
            when scars >= 1 and over_scar then true
        end as pernicious,
        case
            when is_conflict then 'conflict'
            when class_2020 is null then 'not_computable'
            when days >= 196 then 'final'
            else 'provisional'
        end as status
    from (
        select
            *,
            case
                when is_conflict then null
                when covers then 'previa'
                when reach = 'edge_at_os' or edge = 0 then 'low_lying'
                when edge < 0 then 'previa'
                when edge < 20 then 'low_lying'
                when edge >= 20 then 'none'
            end as class_2020,
            case
                when is_conflict then null
                when reach = 'covers_complete' then 'complete'
                when reach = 'covers_partial' then 'partial'
                when reach = 'edge_at_os' or edge = 0 then 'marginal'
                when edge < 0 then null
                when edge < 20 then 'low_lying'
                when edge >= 20 then 'none'
            end as class_2013
        from (
            select
                *,
                coalesce(
                    (covers and edge > 0)
                    or (reach = 'edge_at_os' and edge <> 0)
                    or (reach = 'not_reaching' and edge <= 0),
                    false
                ) as is_conflict
            from (
                select
                    *,
                    reach in ('covers_complete', 'covers_partial') as covers
                from (
                    select
                        {{ key }},
                        over_scar,
                        {{ member('os_relation', ['covers_complete', 'covers_partial', 'edge_at_os', 'not_reaching']) }}
                            as reach,
                        {{ within('edge_to_os_mm', -80, 200) }} as edge,
                        {{ whole_within('prior_cs_count', 0, 8) }} as scars,
                        {{ whole_within('ga_days', 28, 308) }} as days
                    from {{ relation }}
                )
            )
        )
    )
{%- endmacro %}


{#
    Gestational age (ACOG Committee Opinion 700; Robinson & Fleming 1975 with the factor 1.037; placenta_accreta.md
    4.5). In vitro fertilisation decides over ultrasound and the last period; ultrasound replaces the period where
    both differ by more than the limit for the age by the period. Sentinel dates (sources.md 3) are none; an embryo is
    0 to 7 days old.
#}
{% macro placenta_accreta_gestational_age(relation, key) -%}
    select
        {{ key }},
        us_ga_days,
        diff_days,
        edd,
        edd_method,
        ga_days,
        cast(cast(floor(ga_days / 7) as integer) as varchar) || '+' || cast(ga_days % 7 as varchar) as ga_text,
        case when days is null then 'missing' when ga_days is null then 'out_of_range' else 'ok' end as flag
    from (
        select
            *,
            {{ whole_within('days', 28, 308) }} as ga_days
        from (
            select
                *,
                280 - {{ days_after('target', 'edd') }} as days
            from (
                select
                    *,
                    case edd_method
                        when 'ivf' then {{ days_later('transfer', '266 - embryo') }}
                        when 'lmp' then {{ days_later('lmp', '280') }}
                        else {{ days_later('exam', '280 - us_ga_days') }}
                    end as edd
                from (
                    select
                        *,
                        case
                            when transfer is not null and embryo is not null then 'ivf'
                            when
                                exam is not null and us_ga_days is not null
                                and (lmp is null or abs(diff_days) > redating_limit)
                                then us_method
                            when lmp is not null then 'lmp'
                        end as edd_method
                    from (
                        select
                            *,
                            us_ga_days - lmp_age as diff_days,
                            case
                                when lmp_age <= 62 then 5
                                when lmp_age <= 111 then 7
                                when lmp_age <= 153 then 10
                                when lmp_age <= 195 then 14
                                else 21
                            end as redating_limit
                        from (
                            select
                                *,
                                {{ days_after('lmp', 'exam') }} as lmp_age,
                                coalesce(cast(floor(8.052 * sqrt(1.037 * crl) + 23.73 + 0.5) as integer), reported)
                                    as us_ga_days,
                                case when crl is not null then 'us_crl' else 'us_reported' end as us_method
                            from (
                                select
                                    {{ key }},
                                    {{ real_date('lmp_date') }} as lmp,
                                    {{ real_date('ivf_transfer_date') }} as transfer,
                                    {{ real_date('us_date') }} as exam,
                                    {{ real_date('target_date') }} as target,
                                    {{ whole_within('embryo_age_d', 0, 7) }} as embryo,
                                    {{ within('crl_mm', 10, 84) }} as crl,
                                    {{ whole_within('us_ga_days_reported', 28, 308) }} as reported
                                from {{ relation }}
                            )
                        )
                    )
                )
            )
        )
    )
{%- endmacro %}


{# A date that is no sentinel of a source system (sources.md 3), else null. #}
{% macro real_date(column) -%}
    {{ within(column, "date '1900-01-02'", "date '2999-12-30'") }}
{%- endmacro %}
