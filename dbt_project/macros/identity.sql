{# Facts about identifiers that may leave the restricted zone, while the identifiers stay behind. #}

{% macro is_valid_citizen_id(column) -%}
    {{ adapter.dispatch('is_valid_citizen_id', 'radlake')(column) }}
{%- endmacro %}

{# Check digit of GB 11643-1999: weights 7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2, sum modulo 11. #}
{% macro duckdb__is_valid_citizen_id(column) -%}
    case
        when nullif(trim({{ column }}), '') is null then null
        when not regexp_matches(upper(trim({{ column }})), '^[1-9]\d{16}[\dX]$') then false
        else substr('10X98765432', (
            {% for weight in [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2] -%}
            {{ weight }} * cast(substr(trim({{ column }}), {{ loop.index }}, 1) as integer){% if not loop.last %} + {% endif %}
            {%- endfor %}
        ) % 11 + 1, 1) = upper(substr(trim({{ column }}), 18, 1))
    end
{%- endmacro %}

{% macro spark__is_valid_citizen_id(column) -%}
    radlake_is_valid_citizen_id({{ column }})
{%- endmacro %}

{% macro is_test_name(column) -%}
    coalesce(regexp_matches(upper({{ column }}), '测试|演示|TEST'), false)
{%- endmacro %}


{# A canonical body part told by words; the words themselves may hold a name and stay behind. #}
{% macro body_part_of(text) -%}
    case
        when regexp_matches(upper({{ text }}), 'CHEST|LUNG|THORAX|胸|肺') then 'chest'
        when regexp_matches(upper({{ text }}), 'HEAD|BRAIN|SKULL|CRANI|头|颅|脑') then 'head'
        when regexp_matches(upper({{ text }}), 'OBSTET|UTERUS|PLACENTA|胎|产科|子宫') then 'obstetric'
        when regexp_matches(upper({{ text }}), 'ABDOMEN|PELVIS|LIVER|腹|盆|肝|胆|胰|阑尾') then 'abdomen_pelvis'
    end
{%- endmacro %}


{# A value of an observation that is a number, a ratio or a word of a result; anything else may be free text. #}
{% macro measured_value(column) -%}
    case
        when regexp_matches(
            trim({{ column }}),
            '^([<>=≤≥]{0,2} ?[-+]?[0-9]+([.,:/^*-][0-9]+)*( ?[%A-Za-z/]{1,12})?|[-+±]{1,4}|阴性|阳性|弱阳性|未检出|检出|'
            || '(?i:positive|negative|normal|abnormal|detected|not detected|true|false|pos|neg))$'
        ) and length(trim({{ column }})) <= 24 then trim({{ column }})
    end
{%- endmacro %}


{# Pseudonym of a patient number without the leading zeros that spreadsheets and laboratories lose. #}
{% macro patient_core(column) -%}
    {{ pseudonym('patient_core', "ltrim(" ~ column ~ ", '0 ')") }}
{%- endmacro %}


{# Pseudonym of an accession number without the prefix and the leading zeros that modalities drop. #}
{% macro accession_core(column) -%}
    {{ pseudonym('accession_core', "regexp_replace(" ~ canonical_identifier(column) ~ ", '^[A-Z]*0*', '')") }}
{%- endmacro %}


{# All canonical body parts told by words, joined by semicolons: a report on chest and abdomen names two. #}
{% macro body_parts_of(text) -%}
    nullif(
        concat_ws(
            ';',
            case when regexp_matches(upper({{ text }}), 'CHEST|LUNG|THORAX|胸|肺') then 'chest' end,
            case when regexp_matches(upper({{ text }}), 'HEAD|BRAIN|SKULL|CRANI|头|颅|脑') then 'head' end,
            case when regexp_matches(upper({{ text }}), 'OBSTET|UTERUS|PLACENTA|胎|产科|子宫') then 'obstetric' end,
            case
                when regexp_matches(upper({{ text }}), 'ABDOMEN|PELVIS|LIVER|腹|盆|肝|胆|胰|阑尾') then 'abdomen_pelvis'
            end
        ),
        ''
    )
{%- endmacro %}


{# The kind of a report told by its own word, its modality and what was ordered. #}
{% macro report_kind_of(text) -%}
    case
        when regexp_matches(upper({{ text }}), '病理|细胞学|PATHOLOG|(^|[^A-Z])(PATH|SP|CP|PAT)($|[^A-Z])') then 'pathology'
        when regexp_matches(upper({{ text }}), '内镜|胃镜|肠镜|喉镜|支气管镜|ENDOSCOP|(^|[^A-Z])ES($|[^A-Z])') then 'endoscopy'
        when regexp_matches(upper({{ text }}), '超声|彩超|B超|ULTRASOUND|SONOGRAPH|(^|[^A-Z])(US|OUS|VUS)($|[^A-Z])')
            then 'ultrasound'
        else 'radiology'
    end
{%- endmacro %}
