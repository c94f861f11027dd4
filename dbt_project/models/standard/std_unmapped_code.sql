-- Codes and terms that reached no concept, with how often they came: the list a terminologist works through. A term is
-- given as compared, and only where so many people have it that it cannot be words about one of them; where it is rarer
-- its rows are counted under the code alone.
{% set fewest = 5 %}

with counted as (
    select
        'diagnosis' as domain,
        source_system,
        code_system,
        code_norm as code,
        name_key as term,
        encounter_key as place,
        coalesce(patient_key, encounter_key, source_key) as person,
        load_id,
        loaded_at
    from {{ ref('std_diagnosis_statement') }}
    where is_current and not is_deleted and mapping_status = 'unmapped' and certainty <> 'ruled_out'
    union all
    select
        'procedure' as domain,
        source_system,
        code_system,
        code_norm as code,
        {{ term_key('procedure_name') }} as term,
        encounter_key as place,
        coalesce(patient_key, encounter_key, source_key) as person,
        load_id,
        loaded_at
    from {{ ref('std_procedure') }}
    where not is_deleted and mapping_status = 'unmapped'
    union all
    select
        'lab_item' as domain,
        source_system,
        'local' as code_system,
        {{ code_key('item_source_code') }} as code,
        {{ term_key('item_source_name') }} as term,
        coalesce(report_id, lab_result_key) as place,
        coalesce(patient_key, lab_result_key) as person,
        load_id,
        loaded_at
    from {{ ref('std_lab_result') }}
    where not is_deleted and item_mapping_status = 'unmapped'
    union all
    select
        'lab_unit' as domain,
        source_system,
        'ucum' as code_system,
        cast(null as varchar) as code,
        unit_source as term,
        coalesce(report_id, lab_result_key) as place,
        coalesce(patient_key, lab_result_key) as person,
        load_id,
        loaded_at
    from {{ ref('std_lab_result') }}
    where not is_deleted and unit_source is not null and unit is null
),

-- a term that few people have may be words about one of them
frequent_terms as (
    select
        domain,
        source_system,
        term
    from counted
    where term is not null
    group by domain, source_system, term
    having count(distinct person) >= {{ fewest }}
),

shown as (
    select
        counted.domain,
        counted.source_system,
        counted.code_system,
        -- what has not the look of a code may be anything that slipped into the column
        case when regexp_full_match(counted.code, '[A-Za-z0-9][A-Za-z0-9._*+/#%-]{0,15}') then counted.code end as code,
        frequent_terms.term,
        counted.place,
        counted.load_id,
        counted.loaded_at
    from counted
    left join frequent_terms
        on
            counted.domain = frequent_terms.domain
            and counted.source_system = frequent_terms.source_system
            and counted.term = frequent_terms.term
),

unmapped as (
    select
        {{ surrogate_key(['domain', 'source_system', 'code', 'term']) }} as unmapped_key,
        domain,
        source_system,
        max(code_system) as code_system,
        code,
        term,
        count(*) as row_count,
        count(distinct place) as place_count,
        max(load_id) as load_id,
        max(loaded_at) as loaded_at
    from shown
    group by domain, source_system, code, term
)

select * from unmapped
