-- Codes about which lists and maps disagree (feature 57): a code that maps lead to several codes; a map whose two codes
-- stand in different categories; one name that two lists give different categories; one code that two lists name
-- differently.
with pairs as (
    select
        source_code_system,
        source_code,
        target_code_system,
        target_code
    from {{ ref('mapping__icd_10_edition') }}
    union
    {{ newest_mappings() }}
),

listed as (
    select
        code_system,
        code,
        code_name,
        {{ term_key('code_name') }} as name_key,
        regexp_extract(code, '^[A-Z][0-9]{2}(\.[0-9])?', 0) as concept_code
    from ({{ newest_codes() }})
),

conflicts as (
    select
        'several_targets' as conflict_kind,
        source_code_system as code_system,
        source_code as code,
        target_code_system as other_code_system,
        min(target_code) || ' | ' || max(target_code) as other_code,
        cast(null as varchar) as code_name,
        cast(null as varchar) as other_code_name
    from pairs
    group by source_code_system, source_code, target_code_system
    having count(distinct target_code) > 1
    union all
    select distinct
        'category_changes' as conflict_kind,
        source_code_system as code_system,
        source_code as code,
        target_code_system as other_code_system,
        target_code as other_code,
        null as code_name,
        null as other_code_name
    from pairs
    where
        regexp_extract(source_code, '^[A-Z][0-9]{2}(\.[0-9])?', 0)
        <> regexp_extract(target_code, '^[A-Z][0-9]{2}(\.[0-9])?', 0)
    union all
    select
        'same_name' as conflict_kind,
        one.code_system,
        one.code,
        other.code_system as other_code_system,
        other.code as other_code,
        one.code_name,
        other.code_name as other_code_name
    from listed as one
    inner join listed as other
        on
            one.name_key = other.name_key
            and one.code_system < other.code_system
            and one.concept_code <> other.concept_code
    union all
    select
        'same_code' as conflict_kind,
        one.code_system,
        one.code,
        other.code_system as other_code_system,
        other.code as other_code,
        one.code_name,
        other.code_name as other_code_name
    from listed as one
    inner join listed as other
        on one.code = other.code and one.code_system < other.code_system and one.name_key <> other.name_key
)

select * from conflicts
