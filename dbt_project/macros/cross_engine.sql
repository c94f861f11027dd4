{#
    SQL that DuckDB and Spark write differently, behind one name each.
    A Spark target needs a `spark__` twin of each `duckdb__` macro here and nowhere else.
#}

{% macro pseudonym(kind, column) -%}
    {{ adapter.dispatch('pseudonym', 'radlake')(kind, column) }}
{%- endmacro %}

{# The SQL macro is defined on each connection with the key in session variables: lakehouse/pseudonym.py. #}
{% macro duckdb__pseudonym(kind, column) -%}
    pseudonym('{{ kind }}', {{ column }})
{%- endmacro %}

{% macro spark__pseudonym(kind, column) -%}
    radlake_pseudonym('{{ kind }}', {{ column }})
{%- endmacro %}


{% macro parse_timestamp(column) -%}
    {{ adapter.dispatch('parse_timestamp', 'radlake')(column) }}
{%- endmacro %}

{#
    Instants as hospitals write them (sources.md 3): ISO with or without zone, compact digits, slashes, dots, Chinese
    units. Sentinels become null. Day-month orders that can be read two ways become null; they are never guessed.
#}
{% macro duckdb__parse_timestamp(column) -%}
    case
        when {{ column }} is null or not regexp_matches(trim({{ column }}), '^\d{4}') then null
        when regexp_matches(trim({{ column }}), '^(0000|0001|1753|1899|9999|2999)|^1900-?/?0?1-?/?0?1') then null
        -- an instant with its zone is turned into the hospital's time, which is the session's
        when regexp_matches(trim({{ column }}), 'T\d{2}:\d{2}.*(Z|[+-]\d{2}:?\d{2})$')
            then cast(try_cast(trim({{ column }}) as timestamptz) as timestamp)
        else coalesce(
            try_strptime(
                regexp_extract(trim({{ column }}), '^(\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2})', 1),
                ['%Y-%m-%d %H:%M:%S', '%Y-%m-%dT%H:%M:%S']
            ),
            try_strptime(
                trim(regexp_replace(
                    regexp_replace(
                        regexp_replace(trim({{ column }}), '[年月/.]', '-', 'g'), '日', ' ', 'g'
                    ), '[T ]+', ' ', 'g'
                )),
                [
                    '%Y-%-m-%-d %H:%M:%S', '%Y-%-m-%-d %H:%M', '%Y-%-m-%-d', '%Y%m%d%H%M%S', '%Y%m%d%H%M', '%Y%m%d',
                    '%Y%m%d %H:%M:%S', '%Y%m%d %H:%M'
                ]
            )
        )
    end
{%- endmacro %}

{% macro spark__parse_timestamp(column) -%}
    radlake_parse_timestamp({{ column }})
{%- endmacro %}


{% macro half_width(column) -%}
    {{ adapter.dispatch('half_width', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__half_width(column) -%}
    case
        when regexp_matches({{ column }}, '[！-～　]')
            then translate(
                {{ column }},
                '！＂＃＄％＆＇（）＊＋，－．／０１２３４５６７８９：；＜＝＞？＠ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～　',
                '!"#$%&''()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefghijklmnopqrstuvwxyz{|}~ '
            )
        else {{ column }}
    end
{%- endmacro %}

{% macro spark__half_width(column) -%}
    radlake_half_width({{ column }})
{%- endmacro %}


{% macro mask_numbers(column) -%}
    {{ adapter.dispatch('mask_numbers', 'radlake')(column) }}
{%- endmacro %}

{# Names of diagnoses, drugs and items are no place for people's numbers: runs of nine digits and more are masked. #}
{% macro duckdb__mask_numbers(column) -%}
    regexp_replace(nullif(trim({{ column }}), ''), '[0-9０-９]{9,}[XxＸ]?', '<编号>', 'g')
{%- endmacro %}

{% macro spark__mask_numbers(column) -%}
    regexp_replace(nullif(trim({{ column }}), ''), '[0-9０-９]{9,}[XxＸ]?', '<编号>')
{%- endmacro %}


{% macro surrogate_key(parts) -%}
    md5(concat_ws('|', {% for part in parts %}coalesce(cast({{ part }} as varchar), ''){% if not loop.last %}, {% endif %}{% endfor %}))
{%- endmacro %}


{% macro completed_years(earlier, later) -%}
    {{ adapter.dispatch('completed_years', 'radlake')(earlier, later) }}
{%- endmacro %}

{% macro duckdb__completed_years(earlier, later) -%}
    cast(date_sub('year', {{ earlier }}, {{ later }}) as integer)
{%- endmacro %}

{% macro spark__completed_years(earlier, later) -%}
    cast(floor(months_between({{ later }}, {{ earlier }}) / 12) as integer)
{%- endmacro %}


{% macro hours_between(earlier, later) -%}
    {{ adapter.dispatch('hours_between', 'radlake')(earlier, later) }}
{%- endmacro %}

{% macro duckdb__hours_between(earlier, later) -%}
    (epoch({{ later }}) - epoch({{ earlier }})) / 3600.0
{%- endmacro %}

{% macro spark__hours_between(earlier, later) -%}
    (unix_timestamp({{ later }}) - unix_timestamp({{ earlier }})) / 3600.0
{%- endmacro %}


{% macro unnest_split(column, separator) -%}
    {{ adapter.dispatch('unnest_split', 'radlake')(column, separator) }}
{%- endmacro %}

{% macro duckdb__unnest_split(column, separator) -%}
    unnest(string_split({{ column }}, '{{ separator }}'))
{%- endmacro %}

{% macro spark__unnest_split(column, separator) -%}
    explode(split({{ column }}, '[{{ separator }}]'))
{%- endmacro %}


{# An end that has not come yet. #}
{% macro far_future() -%}
    cast('9999-12-31 00:00:00' as timestamp)
{%- endmacro %}


{# A version such as 2.10.1 as a list of numbers, so that 2.10 is newer than 2.9. #}
{% macro version_order(column) -%}
    {{ adapter.dispatch('version_order', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__version_order(column) -%}
    list_transform(regexp_extract_all(coalesce({{ column }}, ''), '\d+'), lambda part: try_cast(part as hugeint))
{%- endmacro %}

{% macro spark__version_order(column) -%}
    transform(regexp_extract_all(coalesce({{ column }}, ''), '(\\d+)', 1), part -> cast(part as decimal(38)))
{%- endmacro %}


{# A day and a time of day as one instant; midnight where no time is known. #}
{% macro instant_of(day, time_of_day) -%}
    {{ adapter.dispatch('instant_of', 'radlake')(day, time_of_day) }}
{%- endmacro %}

{% macro duckdb__instant_of(day, time_of_day) -%}
    coalesce({{ day }} + {{ time_of_day }}, cast({{ day }} as timestamp))
{%- endmacro %}

{% macro spark__instant_of(day, time_of_day) -%}
    coalesce(to_timestamp(concat({{ day }}, ' ', {{ time_of_day }})), cast({{ day }} as timestamp))
{%- endmacro %}


{# An identifier as it is compared: half-width, upper case, without spaces and quotes (lakehouse/pseudonym.py). #}
{% macro canonical_identifier(column) -%}
    {{ adapter.dispatch('canonical_identifier', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__canonical_identifier(column) -%}
    canonical_identifier({{ column }})
{%- endmacro %}

{% macro spark__canonical_identifier(column) -%}
    radlake_canonical_identifier({{ column }})
{%- endmacro %}
