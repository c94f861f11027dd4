{# The sign columns of the imaging mart, in the order of pulmonary_infection.md 3.3; the seed maps codes to them. #}
{% macro sign_columns() -%}
    {{ return([
        'ggo', 'consolidation', 'patchy_opacity', 'crazy_paving', 'reversed_halo', 'halo_sign', 'air_bronchogram',
        'septal_thickening', 'reticulation', 'tree_in_bud', 'miliary', 'nodule', 'ggn', 'part_solid_nodule', 'mass',
        'cavity', 'pleural_effusion', 'pericardial_effusion', 'lymphadenopathy', 'fibrosis', 'bronchiectasis',
        'bronchial_wall_thickening', 'atelectasis', 'emphysema', 'pneumothorax', 'white_lung', 'dx_pneumonia',
        'dx_viral', 'dx_tb', 'dx_fungal'
    ]) }}
{%- endmacro %}


{#
    CURB-65 (Lim 2003; pulmonary_infection.md 4.1) over a relation with the inputs of its case file.
    One point each: new confusion; urea > 7 mmol/L; respiratory rate >= 30; systolic < 90 or diastolic <= 60 mmHg;
    age >= 65 years. Below 18 years nothing applies. `total` is null while an item is missing; `min` counts missing
    items as 0, `max` as 1; the group is given when both agree. Returns a SELECT.
#}
{% macro curb65(relation, key) -%}
    select
        {{ key }},
        case when is_adult then confusion + urea + respiration + pressure + age end as total,
        case
            when is_adult
                then coalesce(confusion, 0) + coalesce(urea, 0) + coalesce(respiration, 0) + coalesce(pressure, 0) + age
        end as min,
        case
            when is_adult
                then coalesce(confusion, 1) + coalesce(urea, 1) + coalesce(respiration, 1) + coalesce(pressure, 1) + age
        end as max,
        case
            when not is_adult then null
            when
                coalesce(confusion, 1) + coalesce(urea, 1) + coalesce(respiration, 1) + coalesce(pressure, 1) + age <= 1
                then 'low'
            when
                coalesce(confusion, 0) + coalesce(urea, 0) + coalesce(respiration, 0) + coalesce(pressure, 0) + age >= 3
                then 'high'
            when
                coalesce(confusion, 0) + coalesce(urea, 0) + coalesce(respiration, 0) + coalesce(pressure, 0) + age = 2
                and coalesce(confusion, 1) + coalesce(urea, 1) + coalesce(respiration, 1) + coalesce(pressure, 1) + age = 2
                then 'intermediate'
        end as risk_group,
        case when is_adult then confusion + respiration + pressure + age end as crb65,
        case when is_adult then missing_n end as missing_n
    from (
        select
            {{ key }},
            coalesce(age_years between 18 and 120, false) as is_adult,
            case when age_years >= 65 then 1 else 0 end as age,
            cast(confusion_new as integer) as confusion,
            case when urea_mmol_l between 0.1 and 100 then cast(urea_mmol_l > 7 as integer) end as urea,
            case when rr_per_min between 4 and 80 then cast(rr_per_min >= 30 as integer) end as respiration,
            case
                when sbp_mmhg between 30 and 280 and sbp_mmhg < 90 then 1
                when dbp_mmhg between 10 and 180 and dbp_mmhg <= 60 then 1
                when sbp_mmhg between 30 and 280 and dbp_mmhg between 10 and 180 then 0
            end as pressure,
            cast(confusion_new is null as integer)
            + cast(coalesce(urea_mmol_l not between 0.1 and 100, true) as integer)
            + cast(coalesce(rr_per_min not between 4 and 80, true) as integer)
            + cast(
                not (
                    coalesce(sbp_mmhg between 30 and 89.999999, false)
                    or coalesce(dbp_mmhg between 10 and 60, false)
                    or (
                        coalesce(sbp_mmhg between 30 and 280, false) and coalesce(dbp_mmhg between 10 and 180, false)
                    )
                ) as integer
            ) as missing_n
        from {{ relation }}
    )
{%- endmacro %}


{# md5 of patient, '#PI#' and the index time to the second (pulmonary_infection.md 3.1). #}
{% macro episode_id(patient_id, t_index) -%}
    {{ adapter.dispatch('episode_id', 'radlake')(patient_id, t_index) }}
{%- endmacro %}

{% macro duckdb__episode_id(patient_id, t_index) -%}
    md5({{ patient_id }} || '#PI#' || strftime({{ t_index }}, '%Y-%m-%d %H:%M:%S'))
{%- endmacro %}

{% macro spark__episode_id(patient_id, t_index) -%}
    md5(concat({{ patient_id }}, '#PI#', date_format({{ t_index }}, 'yyyy-MM-dd HH:mm:ss')))
{%- endmacro %}


{# True when an instant lies in the half-open window [t_index + from, t_index + to) hours. #}
{% macro in_window(instant, t_index, from_hours, to_hours) -%}
    {{ hours_between(t_index, instant) }} >= {{ from_hours }} and {{ hours_between(t_index, instant) }} < {{ to_hours }}
{%- endmacro %}
