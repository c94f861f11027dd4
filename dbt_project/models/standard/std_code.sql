-- Every different cell of codes of diagnoses and procedures, taken apart once (sources.md 4.2); the tables of
-- statements join what was read here. Lists and maps that a hospital supplied decide before the shape of a code does.
with cells as (
    {% for table, code, source_code, system in [
        ('stg_his__diagnosis', 'diagnosis_code', 'diagnosis_source_code', 'diagnosis_code_system'),
        ('stg_cdr__diagnosis', 'diagnosis_code', 'diagnosis_source_code', none),
        ('stg_fhir__condition', 'condition_code', 'condition_source_code', 'condition_code_system'),
        ('stg_fhir__condition', 'condition_alternate_code', none, 'condition_alternate_code_system'),
        (
            'stg_hl7v2__diagnosis', 'diagnosis_code', 'diagnosis_source_code',
            'coalesce(diagnosis_code_system, coding_method)'
        ),
        ('stg_hl7v2__diagnosis', 'alternate_code', none, 'alternate_code_system'),
        ('stg_his__procedure', 'procedure_code', 'procedure_source_code', none),
        ('stg_fhir__procedure', 'procedure_code', 'procedure_source_code', 'procedure_code_system'),
        ('stg_fhir__procedure', 'procedure_alternate_code', none, 'procedure_alternate_code_system')
    ] -%}
        select
            '{{ 'procedure' if table.endswith('procedure') else 'diagnosis' }}' as domain,
            {{ 'coalesce(' ~ source_code ~ ', ' ~ code ~ ')' if source_code else code }} as code_cell,
            {{ system or 'cast(null as varchar)' }} as declared_code_system
        from {{ ref(table) }}
        where {{ code }} is not null
        union
    {% endfor -%}
    -- what a hospital's own map makes of its local codes
    select
        case when entity = 'procedure' then 'procedure' else 'diagnosis' end as domain,
        standard_value as code_cell,
        cast(null as varchar) as declared_code_system
    from {{ ref('std_code_map') }}
    where column_name in ('diagnosis_code', 'condition_code', 'procedure_code')
),

names_of_systems as (
    select * from {{ ref('mapping__code_system') }}
),

systems as (
    select * from {{ ref('terminology__code_system') }}
),

blocks as (
    select * from {{ ref('terminology__icd_10_block') }}
),

-- the newest list of a code system stands
list_codes as (
    {{ newest_codes() }}
),

listed_systems as (
    select distinct code_system from list_codes
),

edition_pairs as (
    select
        source_code_system,
        source_code,
        target_code_system,
        target_code
    from {{ ref('mapping__icd_10_edition') }}
    union
    {{ newest_mappings() }}
),

-- of several targets the first in order stands, and std_code_conflict lists them
edition_maps as (
    select
        source_code_system,
        source_code,
        min(target_code) as target_code
    from edition_pairs
    group by source_code_system, source_code
),

snomed_maps as (
    select
        concept_id,
        icd_10_code
    from {{ ref('std_snomed_concept') }}
    where icd_10_code is not null
),

spelled as (
    select
        cells.domain,
        cells.code_cell,
        cells.declared_code_system,
        nullif(names_of_systems.code_system, '') as named_code_system,
        names_of_systems.family as named_family,
        {{ spell_code_cell('cells.code_cell') }} as cell
    from cells
    left join names_of_systems on lower(trim(cells.declared_code_system)) = names_of_systems.source_value
    where cells.code_cell is not null
),

parts as (
    select distinct
        domain,
        code_cell,
        declared_code_system,
        named_code_system,
        named_family,
        cell,
        {{ unnest_split('cell', ';') }} as part
    from spelled
),

-- a dagger code may carry its asterisk code: A17.0+G01*
halves as (
    select
        *,
        {{ position_in_cell('cell', 'part') }} as part_no,
        regexp_replace(split_part(part, '+', 1), '[^A-Z0-9./-]', '', 'g') as core,
        regexp_replace(split_part(part, '+', 2), '[^A-Z0-9.]', '', 'g') as pair_core
    from parts
    where part <> ''
),

dotted as (
    select
        *,
        case
            when
                named_family in ('snomed', 'loinc', 'local')
                or regexp_full_match(core, 'M[0-9]{4,5}/[0-9]{1,2}')
                then core
            when domain = 'procedure' then {{ place_icd_9_dot('core') }}
            else {{ place_icd_10_dot('core') }}
        end as dotted_code,
        {{ place_icd_10_dot('pair_core') }} as dotted_pair
    from halves
    where core <> ''
),

shaped as (
    select
        *,
        case
            when named_family = 'snomed' then 'snomed'
            when named_family = 'local' then 'local'
            when regexp_full_match(dotted_code, 'M[0-9]{4,5}/[0-9]{1,2}') then 'morphology'
            when domain = 'procedure'
                then
                    case
                        when regexp_full_match(dotted_code, '[0-9]{2}\.[0-9][0-9X][0-9]{2}(X[0-9]{3})?') then 'national'
                        when regexp_full_match(dotted_code, '[0-9]{2}(\.[0-9]([0-9X])?)?') then 'category'
                        else 'local'
                    end
            when regexp_full_match(dotted_code, '[A-Z][0-9]{2}\.[0-9X][0-9]{2}(X[0-9]{3})?') then 'national'
            when regexp_full_match(dotted_code, '[A-Z][0-9]{2}(\.[0-9X]?)?') then 'category'
            when regexp_full_match(dotted_code, '[A-Z][0-9]{2}\.[0-9]{2}') then 'category'
            when regexp_full_match(dotted_code, '[A-Z][0-9][0-9A-Z]\.[0-9A-Z]{1,4}') and named_code_system = 'icd10_cm'
                then 'clinical_modification'
            when regexp_full_match(dotted_code, '[A-Z][0-9]{2}\.[0-9A-Z]{3}[A-Z]') then 'clinical_modification'
            when named_family = 'icd_9' then 'icd_9'
            -- what a hospital hangs on a code of the classification
            when regexp_full_match(dotted_code, '[A-Z][0-9]{2}\.[0-9X][0-9A-Z.-]{1,12}') then 'local_extension'
            else 'local'
        end as shape
    from dotted
),

written as (
    select
        *,
        case
            when shape in ('snomed', 'morphology', 'clinical_modification', 'icd_9') then dotted_code
            when shape = 'local' and part = cell then upper(trim({{ half_width('code_cell') }}))
            when shape = 'local' then part
            -- the filler stays small
            else substr(dotted_code, 1, 1) || replace(rtrim(substr(dotted_code, 2), '.'), 'X', 'x')
        end as code_norm,
        case
            when regexp_full_match(dotted_pair, '[A-Z][0-9]{2}(\.[0-9X][0-9]{0,2}(X[0-9]{3})?)?')
                then substr(dotted_pair, 1, 1) || replace(substr(dotted_pair, 2), 'X', 'x')
        end as code_pair,
        case shape
            when 'snomed' then 'snomed_ct'
            when 'morphology' then 'icdo3'
            when 'clinical_modification' then 'icd10_cm'
            when 'icd_9' then 'icd9cm'
            when 'local' then 'local'
            when 'local_extension' then 'local'
            when 'national' then case domain when 'procedure' then 'icd9cm3_nc3' else 'icd10_nc2' end
            else case domain when 'procedure' then 'icd9cm3_nc3' else 'icd10_who' end
        end as shape_code_system
    from shaped
),

-- a code that only another edition of the same family lists belongs to that edition
listed as (
    select
        written.domain,
        written.code_cell,
        written.declared_code_system,
        written.part_no,
        min_by(
            list_codes.code_system,
            case
                when list_codes.code_system = written.named_code_system then 0
                when list_codes.code_system = written.shape_code_system then 1
                else 2
            end || list_codes.code_system
        ) as code_system
    from written
    inner join list_codes on written.code_norm = list_codes.code
    inner join systems on list_codes.code_system = systems.code_system
    where
        written.named_code_system is null
        or list_codes.code_system = written.named_code_system
    group by written.domain, written.code_cell, written.declared_code_system, written.part_no
),

placed as (
    select
        written.*,
        coalesce(
            case when written.shape = 'local' then listed.code_system end,
            case when written.shape <> 'local' then written.named_code_system end,
            listed.code_system,
            written.shape_code_system
        ) as code_system,
        case
            when written.named_code_system is not null and written.shape <> 'local' then 'declared'
            when listed.code_system is not null then 'list'
            else 'shape'
        end as code_system_basis
    from written
    left join listed
        on
            written.domain = listed.domain
            and written.code_cell = listed.code_cell
            and written.declared_code_system is not distinct from listed.declared_code_system
            and written.part_no = listed.part_no
),

judged as (
    select
        placed.*,
        coalesce(list_codes.code_version, nullif(systems.code_version, '')) as code_version,
        list_codes.code_name,
        case
            when list_codes.code is not null then true
            when listed_systems.code_system is not null then false
            when placed.code_system in ('local', 'snomed_ct', 'icd9cm') then null
            when placed.shape in ('morphology', 'local') then null
            when placed.domain = 'procedure' then placed.shape in ('national', 'category')
            else blocks.category_start is not null
        end as code_valid,
        case
            when listed_systems.code_system is not null then 'list'
            when placed.code_system in ('local', 'snomed_ct', 'icd9cm', 'icdo3') then 'none'
            else 'structure'
        end as code_valid_basis,
        case
            when placed.shape = 'local' and list_codes.code is null then null
            when placed.domain = 'procedure'
                then
                    case
                        when placed.shape in ('national', 'category')
                            then rtrim(
                                substr(placed.code_norm, 1, 4) || replace(substr(placed.code_norm, 5, 1), 'x', ''), '.'
                            )
                    end
            when
                placed.shape in ('national', 'category', 'clinical_modification', 'local_extension')
                and blocks.category_start is not null
                then rtrim(
                    substr(placed.code_norm, 1, 4) || regexp_extract(substr(placed.code_norm, 5, 1), '[0-9]'), '.'
                )
        end as structure_concept,
        case
            when placed.shape = 'national'
                then nullif(
                    substr(placed.code_norm, 6), '00'
                )
            when
                placed.shape in ('category', 'clinical_modification', 'local_extension')
                and placed.domain = 'diagnosis'
                then nullif(substr(placed.code_norm, 6), '')
        end as concept_extension
    from placed
    left join systems on placed.code_system = systems.code_system
    left join list_codes on placed.code_system = list_codes.code_system and placed.code_norm = list_codes.code
    left join listed_systems on placed.code_system = listed_systems.code_system
    left join blocks
        on
            placed.domain = 'diagnosis'
            and substr(placed.code_norm, 1, 3) between blocks.category_start and blocks.category_end
),

codes as (
    select
        {{ surrogate_key([
            "'code'", 'judged.domain', 'judged.code_cell', 'judged.declared_code_system', 'judged.part_no'
        ]) }}
            as code_key,
        judged.domain,
        judged.code_cell,
        judged.declared_code_system,
        cast(judged.part_no as integer) as part_no,
        judged.code_norm,
        judged.code_pair,
        judged.code_system,
        judged.code_system_basis,
        judged.code_version,
        judged.code_valid,
        judged.code_valid_basis,
        judged.code_name,
        coalesce(
            regexp_extract(edition_maps.target_code, '^[A-Z][0-9]{2}(\.[0-9])?', 0),
            snomed_maps.icd_10_code,
            judged.structure_concept
        ) as concept_code,
        case
            when judged.domain = 'procedure' and judged.structure_concept is not null then 'icd9cm3'
            when coalesce(edition_maps.target_code, snomed_maps.icd_10_code, judged.structure_concept) is not null
                then 'icd10'
        end as concept_system,
        judged.concept_extension,
        case
            when edition_maps.target_code is not null then 'edition_map'
            when snomed_maps.icd_10_code is not null then 'snomed_map'
            when judged.structure_concept is not null then 'structure'
        end as concept_basis,
        coalesce(
            judged.shape = 'local'
            and case judged.domain
                when 'diagnosis'
                    then regexp_full_match(
                        {{ place_icd_9_dot('judged.core') }}, '[0-9]{2}\.[0-9][0-9X]([0-9]{2}(X[0-9]{3})?)?'
                    )
                else regexp_full_match({{ place_icd_10_dot('judged.core') }}, '[A-Z][0-9]{2}(\.[0-9X].*)?')
            end, false
        ) as is_of_other_domain,
        -- another spelling of the same code; a mark alone is none
        coalesce(
            judged.shape not in ('local', 'snomed')
            and regexp_replace(judged.code_cell, '[+*†＊＋]', '', 'g') <> judged.code_norm, false
        ) as is_respelled
    from judged
    left join edition_maps
        on judged.code_system = edition_maps.source_code_system and judged.code_norm = edition_maps.source_code
    left join snomed_maps on judged.code_system = 'snomed_ct' and judged.code_norm = snomed_maps.concept_id
)

select * from codes
