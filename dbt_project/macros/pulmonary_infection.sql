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
