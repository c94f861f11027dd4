-- Values follow the table of sources.md 4.4; items, units and ranges are seeds (pulmonary_infection.md 6).
with versions as (
    {{ with_versions(ref('stg_lis__result'), ['report_id', 'item_code', 'sequence_no']) }}
),

patients as (
    select * from {{ ref('std_patient') }}
),

encounters as (
    select * from {{ ref('std_encounter') }}
),

items as (
    select * from {{ ref('mapping__lab_item') }}
),

aliases as (
    select
        item_code,
        lower(regexp_replace(alias, '\s', '', 'g')) as alias_key
    from {{ ref('mapping__lab_item_alias') }}
),

units as (
    select
        item_code,
        {{ normalise_unit('source_unit') }} as unit_key,
        coalesce(basis, '') as basis,
        max(factor) as factor,
        max(offset_value) as offset_value
    from {{ ref('mapping__lab_unit') }}
    group by all
),

-- a number that lost its zeros still names one person when only one number has this core
unique_cores as (
    {{ unique_patient_cores('patients') }}
),

cleaned as (
    select
        *,
        trim({{ half_width('result') }}) as result_text,
        lower(regexp_replace({{ half_width('item_name') }}, '\s', '', 'g')) as item_key,
        -- what a value counts is kept apart: mg/L FEU is mg/L with basis FEU
        nullif(
            regexp_replace({{ normalise_unit('unit') }}, '[\[{(]?(feu|ddu|bun|urea)[\]})]?', '', 'g'), ''
        ) as unit_key,
        upper(concat_ws(' ', item_name, unit, result)) as basis_text
    from versions
    where is_current
),

classified as (
    select
        *,
        case
            when result_text is null or result_text in ('', '/', '—', 'NULL') then 'missing'
            when regexp_matches(result_text, '溶血|未做|量不足|复查|拒收|凝块') then 'not_done'
            when regexp_matches(result_text, '见报告|见附页|见说明') then 'see_report'
            when regexp_matches(result_text, '^\d+\s*:\s*\d+$') then 'titre'
            when regexp_matches(result_text, '^[<>≤≥]=?\s*-?\d+(\.\d+)?$') then 'censored'
            when regexp_matches(result_text, '^\d+(\.\d+)?\s*[-~–—]\s*\d+(\.\d+)?(/HP|/LP)?$') then 'range'
            when regexp_matches(result_text, '^(\+{2,4}|[2-4]\+)$') then 'ordinal'
            when regexp_matches(result_text, '^(弱阳性|±|\+-)') then 'qualitative'
            when regexp_matches(upper(result_text), '^(阳性|\(\+\)|\+$|POSITIVE|检出)') then 'qualitative'
            when regexp_matches(upper(result_text), '^(阴性|\(-\)|NEGATIVE|未检出)') then 'qualitative'
            when result_text = '-' and reference_range like '%阴%' then 'qualitative'
            when {{ parse_number('result_text') }} is not null then 'numeric'
            else 'text'
        end as value_class,
        case
            when regexp_matches(basis_text, 'FEU') then 'FEU'
            when regexp_matches(basis_text, 'DDU') then 'DDU'
            when regexp_matches(basis_text, '尿素氮|BUN') then 'BUN'
            when regexp_matches(basis_text, '\[?UREA\]?') and not regexp_matches(basis_text, '氮') then 'UREA'
        end as basis
    from cleaned
),

valued as (
    select
        *,
        case
            when value_class = 'numeric' then {{ parse_number('result_text') }}
            when value_class = 'censored'
                then try_cast(regexp_extract(result_text, '(-?\d+(\.\d+)?)$', 1) as decimal(18, 6))
            when value_class = 'titre' then try_cast(regexp_extract(result_text, '(\d+)$', 1) as decimal(18, 6))
            when value_class = 'ordinal'
                then coalesce(try_cast(substr(result_text, 1, 1) as integer), length(result_text))
        end as value_number,
        case
            when value_class = 'censored' then substr(result_text, 1, 1)
            when value_class in ('numeric', 'titre', 'ordinal') then '='
        end as value_comparator,
        case
            when value_class <> 'qualitative' then null
            when regexp_matches(result_text, '^(弱阳性|±|\+-)') then 'WEAK'
            when regexp_matches(upper(result_text), '^(阳性|\(\+\)|\+|POSITIVE|检出)') then 'POS'
            else 'NEG'
        end as value_qualitative,
        try_cast(regexp_extract(result_text, '^(\d+(\.\d+)?)', 1) as double) as first_number,
        try_cast(regexp_extract(result_text, '[-~–—]\s*(\d+(\.\d+)?)', 1) as double) as second_number
    from classified
),

identified as (
    select
        valued.*,
        items.item_code as canonical_item_code,
        items.loinc,
        items.canonical_unit,
        items.plausible_min,
        items.plausible_max
    from valued
    left join aliases on valued.item_key = aliases.alias_key
    left join items
        on
            aliases.item_code = items.item_code
            and case items.specimen_class
                when 'arterial' then regexp_matches(valued.specimen, '动脉|血气')
                when 'urine' then regexp_matches(valued.specimen, '尿')
                else
                    valued.specimen is null
                    or (
                        regexp_matches(valued.specimen, '血|浆')
                        and not regexp_matches(valued.specimen, '尿|便|脑脊液|胸水|腹水|引流|灌洗')
                    )
            end
),

converted as (
    select
        identified.*,
        units.item_code is not null as has_known_unit,
        cast(identified.value_number * units.factor + units.offset_value as double) as converted_value
    from identified
    left join units
        on
            identified.canonical_item_code = units.item_code
            and coalesce(identified.unit_key, '1') = units.unit_key
            and case when units.basis = '' then true else identified.basis = units.basis end
),

ambiguous as (
    select distinct
        item_code,
        unit_key
    from units
    where basis <> ''
),

results as (
    select
        {{ surrogate_key([
            "'lab_result'", 'converted.report_id', 'converted.item_code', 'converted.sequence_no'
        ]) }} as lab_result_key,
        coalesce(
            exact_patients.survivor_patient_key, encounters.patient_key, unique_cores.survivor_patient_key
        ) as patient_key,
        encounters.encounter_key,
        converted.report_id,
        converted.barcode,
        converted.specimen,
        converted.item_code as item_source_code,
        converted.item_name as item_source_name,
        converted.canonical_item_code as item_code,
        converted.loinc,
        case when converted.canonical_item_code is null then 'unmapped' else 'mapped' end as item_mapping_status,
        converted.result as value_source,
        converted.value_class,
        cast(converted.value_number as double) as value_number,
        converted.value_comparator,
        case when converted.value_class = 'range' then converted.first_number end as value_low,
        case when converted.value_class = 'range' then converted.second_number end as value_high,
        converted.value_qualitative,
        converted.unit as unit_source,
        converted.basis,
        case
            when
                converted.converted_value between
                coalesce(converted.plausible_min, converted.converted_value)
                and coalesce(converted.plausible_max, converted.converted_value)
                then converted.converted_value
        end as canonical_value,
        converted.canonical_unit,
        case
            when converted.canonical_item_code is null then 'item_unknown'
            when converted.value_number is null then 'non_numeric'
            when converted.converted_value is null and ambiguous.item_code is not null then 'basis_unknown'
            when not converted.has_known_unit then 'unit_unknown'
            when
                converted.converted_value < converted.plausible_min
                or converted.converted_value > converted.plausible_max
                then 'rejected'
            else 'ok'
        end as value_status,
        converted.reference_range as reference_range_source,
        converted.abnormal_flag as abnormal_flag_source,
        case
            when regexp_matches(converted.abnormal_flag, '↑|H|高') then 'H'
            when regexp_matches(converted.abnormal_flag, '↓|L|低') then 'L'
            when converted.abnormal_flag in ('N', '正常') then 'N'
            when converted.abnormal_flag is not null then 'A'
        end as abnormal_flag,
        converted.collected_at,
        converted.received_at,
        converted.verified_at,
        case
            when exact_patients.patient_key is not null then 'patient_id'
            when encounters.patient_key is not null then 'visit_id'
            when unique_cores.survivor_patient_key is not null then 'patient_id_without_zeros'
            else 'none'
        end as link_method,
        converted.version_no,
        converted.source_system,
        converted.source_period,
        converted.load_id,
        converted.loaded_at
    from converted
    left join ambiguous
        on
            converted.canonical_item_code = ambiguous.item_code
            and coalesce(converted.unit_key, '1') = ambiguous.unit_key
    left join patients as exact_patients on converted.patient_id = exact_patients.patient_id
    left join encounters on converted.visit_id = encounters.visit_id
    left join unique_cores on converted.patient_id_core = unique_cores.patient_id_core
)

select * from results
