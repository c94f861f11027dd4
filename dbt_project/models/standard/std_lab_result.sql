-- One laboratory result told by several systems is one row: LIS, then CDR, ORU messages and FHIR. The same result is
-- the same item of the same report, else the same item, value, person and day. Values follow the table of sources.md
-- 4.4; items, units and ranges are seeds (pulmonary_infection.md 6). Arithmetic is decimal, so factors lose nothing.
with code_maps as (
    select * from {{ ref('std_code_map') }}
    where entity in ('result', 'lab_result', 'observation')
),

links as (
    select * from {{ ref('std_patient_link') }}
),

record_links as (
    select * from {{ ref('std_patient_record_link') }}
),

unique_cores as (
    {{ unique_patient_cores('links') }}
),

patients as (
    select * from {{ ref('std_patient') }}
),

encounters as (
    select * from {{ ref('std_encounter') }}
),

visits as (
    select
        visit_id,
        encounter_key,
        patient_key
    from encounters
    where visit_id is not null
),

-- a reference that names several stays names none
encounter_references as (
    {{ encounter_references('encounters') }}
),

items as (
    select * from {{ ref('mapping__lab_item') }}
),

item_codes as (
    select * from {{ ref('mapping__lab_item_code') }}
),

aliases as (
    select
        {{ item_key('alias') }} as alias_key,
        min(item_code) as item_code
    from {{ ref('mapping__lab_item_alias') }}
    group by {{ item_key('alias') }}
    having count(distinct item_code) = 1
),

units as (
    select
        item_code,
        {{ unit_key('source_unit') }} as unit_key,
        coalesce(basis, '') as basis,
        max(factor) as factor,
        max(offset_value) as offset_value
    from {{ ref('mapping__lab_unit') }}
    group by all
),

unit_names as (
    select
        {{ unit_key('source_unit') }} as unit_key,
        min(unit) as unit
    from {{ ref('mapping__unit') }}
    group by {{ unit_key('source_unit') }}
),

statuses as (
    select
        {{ code_key('source_value') }} as value_key,
        min(report_status) as report_status
    from {{ ref('mapping__report_status') }}
    group by {{ code_key('source_value') }}
),

reviews as (
    {{ current_reviews('lab_item') }}
),

lis_versions as (
    {{ with_versions(ref('stg_lis__result'), ['source_period', 'report_id', 'item_code', 'sequence_no']) }}
),

cdr_versions as (
    {{ with_versions(
        ref('stg_cdr__lab_result'), ['source_period', 'report_id', 'item_code', 'sequence_no'], ['updated_at']
    ) }}
),

-- a request may be answered by several messages, the last of which holds
hl7v2_versions as (
    {{ with_versions(
        ref('stg_hl7v2__observation'),
        [
            'sending_application', 'coalesce(filler_order_id, placer_order_id, message_control_id)',
            'coalesce(observation_code, observation_name)', 'sub_id', 'set_id'
        ],
        ['sent_at']
    ) }}
),

fhir_versions as (
    {{ with_versions(
        ref('stg_fhir__observation'), ['resource_id', 'component_number'],
        ['last_updated', 'try_cast(version_id as bigint)']
    ) }}
),

united as (
    select
        1 as system_trust,
        source_system,
        source_period,
        concat_ws('/', report_id, item_code, sequence_no) as source_key,
        report_id,
        barcode,
        visit_id as encounter_reference,
        visit_id,
        patient_id,
        patient_id_core,
        person_record_id,
        sex,
        specimen,
        sequence_no,
        item_code as item_source_code,
        cast(null as varchar) as item_code_system,
        item_name as item_source_name,
        item_name_en as item_other_name,
        coalesce(result_source, result) as value_source,
        coalesce(unit_source, unit) as unit_source,
        coalesce(unit, unit_source) as unit_text,
        reference_range,
        cast(null as varchar) as reference_low,
        cast(null as varchar) as reference_high,
        abnormal_flag as abnormal_flag_source,
        coalesce({{ parse_boolean('is_rerun') }}, false) as is_told_rerun,
        report_status as report_status_source,
        collected_at,
        received_at,
        verified_at,
        version_no,
        is_deleted,
        valid_from,
        load_id,
        loaded_at
    from lis_versions
    where is_current
    union all
    select
        2 as system_trust,
        source_system,
        source_period,
        concat_ws('/', report_id, item_code, sequence_no) as source_key,
        report_id,
        barcode,
        visit_id as encounter_reference,
        visit_id,
        patient_id,
        patient_id_core,
        person_record_id,
        sex,
        specimen,
        sequence_no,
        item_code as item_source_code,
        null as item_code_system,
        item_name as item_source_name,
        null as item_other_name,
        coalesce(result_source, result) as value_source,
        coalesce(unit_source, unit) as unit_source,
        coalesce(unit, unit_source) as unit_text,
        reference_range,
        null as reference_low,
        null as reference_high,
        abnormal_flag as abnormal_flag_source,
        false as is_told_rerun,
        report_status as report_status_source,
        collected_at,
        received_at,
        verified_at,
        version_no,
        is_deleted,
        valid_from,
        load_id,
        loaded_at
    from cdr_versions
    where is_current
    union all
    select
        3 as system_trust,
        source_system,
        source_period,
        concat_ws(
            '/', sending_application, coalesce(filler_order_id, placer_order_id, message_control_id),
            coalesce(observation_code, observation_name),
            sub_id, set_id
        ) as source_key,
        filler_order_id as report_id,
        null as barcode,
        visit_id as encounter_reference,
        visit_id,
        patient_id,
        patient_id_core,
        null as person_record_id,
        null as sex,
        null as specimen,
        set_id as sequence_no,
        observation_code as item_source_code,
        observation_code_system as item_code_system,
        observation_name as item_source_name,
        alternate_name as item_other_name,
        value as value_source,
        units as unit_source,
        units as unit_text,
        reference_range,
        null as reference_low,
        null as reference_high,
        abnormal_flags as abnormal_flag_source,
        false as is_told_rerun,
        status as report_status_source,
        coalesce(observed_at, analysed_at) as collected_at,
        null as received_at,
        sent_at as verified_at,
        version_no,
        is_deleted or coalesce(upper(status) in ('X', 'D', 'W'), false) as is_deleted,
        valid_from,
        load_id,
        loaded_at
    from hl7v2_versions
    where
        is_current
        and message_type = 'ORU'
        and value is not null
        and coalesce(value_type, 'ST') in ('NM', 'SN', 'ST', 'CE', 'CWE', 'TX')
        -- signs of life are std_vital_sign
        and coalesce(observation_code, '') not in (
            '8310-5', '8867-4', '9279-1', '8480-6', '8462-4', '59408-5', '29463-7', '8302-2'
        )
    union all
    select
        4 as system_trust,
        source_system,
        source_period,
        concat_ws('/', resource_id, component_number) as source_key,
        null as report_id,
        null as barcode,
        encounter_id as encounter_reference,
        null as visit_id,
        coalesce(patient_identifier, patient_id) as patient_id,
        null as patient_id_core,
        null as person_record_id,
        null as sex,
        specimen_name as specimen,
        component_number as sequence_no,
        observation_code as item_source_code,
        observation_code_system as item_code_system,
        observation_name as item_source_name,
        observation_alternate_name as item_other_name,
        coalesce(value_comparator, '') || value as value_source,
        units as unit_source,
        coalesce(unit_code, units) as unit_text,
        reference_text as reference_range,
        reference_low,
        reference_high,
        interpretation as abnormal_flag_source,
        false as is_told_rerun,
        status as report_status_source,
        observed_at as collected_at,
        null as received_at,
        issued_at as verified_at,
        version_no,
        is_deleted or coalesce(lower(status) = 'cancelled', false) as is_deleted,
        valid_from,
        load_id,
        loaded_at
    from fhir_versions
    where
        is_current
        and (
            lower(coalesce(category_code, '')) in ('laboratory', 'lab')
            or (
                category_code is null
                and observation_code in (select item_codes.loinc from item_codes)
                and observation_code not in ('2708-6', '3150-0')
            )
        )
),

-- different items are few, so they are recognised once each
terms as (
    select distinct
        source_system,
        source_period,
        item_source_code,
        item_code_system,
        item_source_name,
        item_other_name,
        {{ item_key('item_source_name') }} as name_key,
        {{ item_key("regexp_replace(" ~ half_width('item_source_name') ~ ", '[(（\\[].*$', '')") }} as short_name_key,
        {{ item_key("regexp_extract(" ~ half_width('item_source_name') ~ ", '[(\\[]([^)\\]]+)[)\\]]', 1)") }}
            as bracket_key,
        {{ item_key('item_other_name') }} as other_name_key,
        {{ item_key('item_source_code') }} as code_name_key,
        upper(concat_ws(' ', item_source_name, item_other_name)) as term_text
    from united
),

recognised as (
    select
        terms.*,
        coalesce(own_code.decision, any_code.decision, own_term.decision, any_term.decision) as decision,
        case
            when own_code.decision is not null then own_code.target_code
            when any_code.decision is not null then any_code.target_code
            when own_term.decision is not null then own_term.target_code
            else any_term.target_code
        end as reviewed_item,
        coalesce(mapped_items.item_code, mapped_aliases.item_code) as mapped_item,
        item_codes.item_code as loinc_item,
        item_codes.basis as loinc_basis,
        coalesce(
            by_name.item_code, by_short_name.item_code, by_bracket.item_code, by_other_name.item_code,
            case when length(terms.code_name_key) >= 2 then by_code.item_code end
        ) as named_item
    from terms
    left join reviews as own_code
        on
            {{ code_key('terms.item_source_code') }} = own_code.source_code
            and terms.source_system = own_code.only_system
    left join reviews as any_code
        on {{ code_key('terms.item_source_code') }} = any_code.source_code and any_code.only_system = ''
    left join reviews as own_term
        on
            own_term.source_code is null
            and {{ term_key('terms.item_source_name') }} = own_term.source_term
            and terms.source_system = own_term.only_system
    left join reviews as any_term
        on
            any_term.source_code is null
            and {{ term_key('terms.item_source_name') }} = any_term.source_term
            and any_term.only_system = ''
    left join code_maps as item_maps
        on
            terms.source_system = item_maps.source_system
            and coalesce(terms.source_period, '') = item_maps.period_key
            and item_maps.column_name in ('item_code', 'observation_code')
            and {{ code_key('terms.item_source_code') }} = item_maps.value_key
    left join code_maps as name_maps
        on
            terms.source_system = name_maps.source_system
            and coalesce(terms.source_period, '') = name_maps.period_key
            and name_maps.column_name in ('item_name', 'observation_name')
            and {{ code_key('terms.item_source_name') }} = name_maps.value_key
    left join items as mapped_items
        on lower(coalesce(item_maps.standard_value, name_maps.standard_value)) = mapped_items.item_code
    left join aliases as mapped_aliases
        on {{ item_key('coalesce(item_maps.standard_value, name_maps.standard_value)') }} = mapped_aliases.alias_key
    left join item_codes
        on
            terms.item_source_code = item_codes.loinc
            and (
                terms.item_code_system is null
                or regexp_matches(lower(terms.item_code_system), 'loinc|^ln$|113883\.6\.1$')
            )
    left join aliases as by_name on terms.name_key = by_name.alias_key
    left join aliases as by_short_name on terms.short_name_key = by_short_name.alias_key
    left join aliases as by_bracket on terms.bracket_key = by_bracket.alias_key
    left join aliases as by_other_name on terms.other_name_key = by_other_name.alias_key
    left join aliases as by_code on terms.code_name_key = by_code.alias_key
),

named as (
    select
        *,
        case
            when decision = 'map' then reviewed_item
            when decision is null then coalesce(mapped_item, loinc_item, named_item)
        end as item_hint,
        case
            when decision = 'map' then 'review'
            when decision is not null then null
            when mapped_item is not null then 'code_map'
            when loinc_item is not null then 'loinc'
            when named_item is not null then 'name'
        end as item_hint_basis,
        {{ basis_of('term_text') }} as term_basis,
        regexp_matches(item_source_name, '复[检测]|重[检测做]') as is_term_rerun
    from recognised
),

-- different writings of results, units and references are few too: each is read once, not once a row
written_results as (
    select distinct
        value_source,
        coalesce(regexp_matches(reference_range, '(?i)阴|neg|\(-\)'), false) as is_negative_normal
    from united
    where value_source is not null
),

written_units as (
    select distinct
        unit_text,
        unit_source
    from united
),

written_references as (
    select distinct reference_range
    from united
    where reference_range is not null
),

known_sexes as (
    select unnested.sex
    from (values ('M'), ('F'), ('O'), ('U')) as unnested (sex)
),

result_texts as (
    select
        value_source,
        is_negative_normal,
        {{ lab_text('value_source') }} as result_text,
        {{ lab_core(lab_text('value_source')) }} as result_core
    from written_results
),

result_classes as (
    select
        *,
        {{ lab_value_class('result_text', 'result_core', 'is_negative_normal') }} as value_class,
        {{ lab_qualitative('result_text') }} as qualitative_word,
        {{ basis_of('upper(value_source)') }} as value_told_basis
    from result_texts
),

result_values as (
    select
        *,
        {{ lab_number('value_class', 'result_text', 'result_core') }} as value_number,
        case
            when value_class = 'censored' then regexp_extract(result_core, '([<>≤≥])', 1)
            when value_class = 'titre' then coalesce(nullif(regexp_extract(result_core, '([<>≤≥])', 1), ''), '=')
            when value_class in ('numeric', 'ordinal') then '='
        end as value_comparator,
        case
            when value_class = 'qualitative' and result_text = '-' then 'NEG'
            when value_class = 'qualitative' then qualitative_word
        end as value_qualitative,
        case when value_class = 'range' then {{ range_end('result_core', 1) }} end as value_low,
        case when value_class = 'range' then {{ range_end('result_core', 2) }} end as value_high,
        -- a unit that stands behind the number instead of in its own column
        case
            when value_class in ('numeric', 'censored', 'range')
                then {{ unit_key(
                    "regexp_extract(result_core, '[0-9]\\s*([%‰a-zA-Zμµ/×秒个][^0-9]*[a-zA-Z0-9./]*)$', 1)"
                ) }}
        end as inline_unit_key,
        regexp_matches(result_text, '复[检测]|重[检测做]') as is_text_rerun
    from result_classes
),

unit_texts as (
    select
        unit_text,
        unit_source,
        {{ unit_key('unit_text') }} as told_unit_key,
        {{ basis_of("upper(concat_ws(' ', unit_text, unit_source))") }} as unit_told_basis
    from written_units
),

valued as (
    select
        united.*,
        named.item_hint,
        named.item_hint_basis,
        named.name_key,
        result_values.result_text,
        result_values.result_core,
        coalesce(result_values.value_class, 'missing') as value_class,
        result_values.value_number,
        result_values.value_comparator,
        result_values.value_qualitative,
        result_values.value_low,
        result_values.value_high,
        coalesce(unit_texts.told_unit_key, result_values.inline_unit_key) as stated_unit_key,
        coalesce(
            unit_texts.unit_told_basis, result_values.value_told_basis, named.term_basis, nullif(named.loinc_basis, '')
        ) as basis,
        united.is_told_rerun or coalesce(result_values.is_text_rerun, false) or coalesce(named.is_term_rerun, false)
            as is_rerun_told
    from united
    left join named
        on
            united.source_system = named.source_system
            and united.source_period is not distinct from named.source_period
            and united.item_source_code is not distinct from named.item_source_code
            and united.item_code_system is not distinct from named.item_code_system
            and united.item_source_name is not distinct from named.item_source_name
            and united.item_other_name is not distinct from named.item_other_name
    left join result_values
        on
            united.value_source = result_values.value_source
            and coalesce(regexp_matches(united.reference_range, '(?i)阴|neg|\(-\)'), false)
            = result_values.is_negative_normal
    left join unit_texts
        on
            united.unit_text is not distinct from unit_texts.unit_text
            and united.unit_source is not distinct from unit_texts.unit_source
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
    left join items
        on
            valued.item_hint = items.item_code
            and case
                when valued.item_hint_basis = 'loinc' then true
                when items.specimen_class = 'arterial' then regexp_matches(valued.specimen, '动脉|血气|(?i)arterial')
                when items.specimen_class = 'urine' then regexp_matches(valued.specimen, '尿|(?i)urine')
                else
                    valued.specimen is null
                    or (
                        regexp_matches(valued.specimen, '血|浆|清|(?i)blood|serum|plasma')
                        and not regexp_matches(valued.specimen, '尿|便|脑脊液|胸水|腹水|引流|灌洗|(?i)urine|stool|csf')
                    )
            end
),

-- what one source writes for an item in at least 99 of 100 cases stands in for a unit it left out (sources.md 3)
unit_counts as (
    select
        source_system,
        source_period,
        canonical_item_code,
        stated_unit_key,
        coalesce(basis, '') as basis,
        count(*) as row_count,
        sum(count(*)) over (partition by source_system, source_period, canonical_item_code) as item_count
    from identified
    where canonical_item_code is not null and stated_unit_key is not null and value_class = 'numeric'
    group by source_system, source_period, canonical_item_code, stated_unit_key, coalesce(basis, '')
),

usual_units as (
    select
        source_system,
        source_period,
        canonical_item_code,
        stated_unit_key as unit_key,
        basis
    from unit_counts
    where row_count >= 0.99 * item_count and item_count >= 10
),

measured as (
    select
        identified.*,
        coalesce(identified.stated_unit_key, usual_units.unit_key) as unit_key,
        case
            when identified.stated_unit_key is null and usual_units.unit_key is not null
                then coalesce(identified.basis, nullif(usual_units.basis, ''))
            else identified.basis
        end as value_basis,
        identified.stated_unit_key is null and usual_units.unit_key is not null and usual_units.unit_key <> '1'
            as is_unit_assumed
    from identified
    left join usual_units
        on
            identified.source_system = usual_units.source_system
            and identified.source_period is not distinct from usual_units.source_period
            and identified.canonical_item_code = usual_units.canonical_item_code
),

scaled as (
    select
        measured.*,
        units.item_code is not null as is_unit_known,
        cast(measured.value_number * units.factor + units.offset_value as double) as scaled_value
    from measured
    left join units
        on
            measured.canonical_item_code = units.item_code
            and coalesce(measured.unit_key, '1') = units.unit_key
            and case when units.basis = '' then true else measured.value_basis = units.basis end
),

-- an inferred unit must make sense of the value, or it is not believed
converted as (
    select
        *,
        not is_unit_assumed
        or coalesce(
            scaled_value between coalesce(plausible_min, scaled_value) and coalesce(plausible_max, scaled_value), false
        ) as is_unit_believed
    from scaled
),

ambiguous as (
    select distinct
        item_code,
        unit_key
    from units
    where basis <> ''
),

judged as (
    select
        converted.*,
        converted.is_unit_assumed and converted.is_unit_believed as is_unit_inferred,
        case when converted.is_unit_believed then converted.scaled_value end as converted_value,
        converted.is_unit_known and converted.is_unit_believed as has_known_unit,
        ambiguous.item_code is not null as is_unit_ambiguous
    from converted
    left join ambiguous
        on
            converted.canonical_item_code = ambiguous.item_code
            and coalesce(converted.unit_key, '1') = ambiguous.unit_key
),

linked as (
    select
        judged.*,
        {{ surrogate_key(["'lab_result'", 'judged.source_system', 'judged.source_period', 'judged.source_key']) }}
            as lab_result_key,
        coalesce(visits.encounter_key, encounter_references.encounter_key) as encounter_key,
        coalesce(
            by_record.patient_key,
            -- a row that is told apart by its name is not the number's person
            case when by_record.person_record_id is null then links.patient_key end,
            visits.patient_key,
            encounter_references.patient_key,
            case when by_record.person_record_id is null then unique_cores.survivor_patient_key end
        ) as patient_key,
        case
            when by_record.patient_key is not null then by_record.link_method
            when by_record.person_record_id is null and links.patient_key is not null then 'patient_id'
            when visits.patient_key is not null or encounter_references.patient_key is not null then 'visit_id'
            when by_record.person_record_id is null and unique_cores.survivor_patient_key is not null
                then 'patient_id_without_zeros'
            else 'none'
        end as link_method,
        coalesce(judged.canonical_item_code, judged.name_key, judged.item_source_code) as item_identity,
        concat_ws(
            '|', judged.value_class, judged.value_comparator, cast(judged.value_number as varchar),
            judged.value_qualitative,
            cast(judged.value_low as varchar), cast(judged.value_high as varchar),
            case when judged.value_class in ('text', 'see_report', 'not_done') then judged.result_text end
        ) as value_identity
    from judged
    left join record_links as by_record on judged.person_record_id = by_record.person_record_id
    left join visits on judged.visit_id = visits.visit_id
    left join encounter_references
        on judged.source_system || ':' || judged.encounter_reference = encounter_references.source_reference
    left join links on judged.patient_id = links.patient_id
    left join unique_cores on judged.patient_id_core = unique_cores.patient_id_core
),

-- only what tells facts apart is carried through the windows; the rest joins again in the end
facts as (
    select
        lab_result_key,
        system_trust,
        source_system,
        source_period,
        source_key,
        report_id,
        patient_key,
        item_identity,
        value_identity,
        cast(coalesce(collected_at, verified_at) as date) as fact_date,
        collected_at,
        verified_at,
        sequence_no,
        is_rerun_told,
        is_deleted,
        loaded_at
    from linked
),

counted as (
    select
        *,
        row_number() over (
            partition by
                source_system, coalesce(patient_key, report_id, source_key), item_identity, fact_date, value_identity
            order by is_deleted, collected_at nulls last, source_key
        ) as value_telling_no,
        row_number() over (
            partition by source_system, report_id, item_identity order by is_deleted, sequence_no nulls last, source_key
        ) as report_telling_no,
        -- the result that was verified last is the one a report stands by; the others stay
        count(*) over (partition by source_system, source_period, report_id, item_identity) as same_item_count,
        row_number() over (
            partition by source_system, source_period, report_id, item_identity
            order by
                is_deleted asc, verified_at desc nulls last, is_rerun_told desc,
                try_cast(sequence_no as bigint) desc nulls last, source_key desc
        ) as newest_telling_no
    from facts
),

keyed as (
    select
        *,
        {{ surrogate_key([
            'coalesce(patient_key, report_id, source_key)', 'item_identity', 'fact_date', 'value_identity',
            'value_telling_no'
        ]) }} as value_fact_key
    from counted
),

-- what another system tells about an item of a report that the laboratory has itself is the laboratory's result
report_facts as (
    select
        report_id,
        item_identity,
        report_telling_no,
        min(value_fact_key) as fact_key
    from keyed
    where system_trust = 1 and report_id is not null
    group by report_id, item_identity, report_telling_no
),

placed as (
    select
        keyed.*,
        coalesce(case when keyed.system_trust > 1 then report_facts.fact_key end, keyed.value_fact_key) as fact_key
    from keyed
    left join report_facts
        on
            keyed.report_id = report_facts.report_id
            and keyed.item_identity = report_facts.item_identity
            and keyed.report_telling_no = report_facts.report_telling_no
),

ranked as (
    select
        *,
        row_number() over (
            partition by fact_key
            order by system_trust asc, is_deleted asc, loaded_at desc, source_period desc, source_key asc
        ) as trust
    from placed
),

gathered as (
    select
        fact_key,
        {{ all_source_keys() }} as source_keys
    from ranked
    group by fact_key
),

told as (
    select
        ranked.lab_result_key,
        ranked.same_item_count,
        ranked.newest_telling_no,
        gathered.source_keys
    from ranked
    inner join gathered on ranked.fact_key = gathered.fact_key
    where ranked.trust = 1
),

reference_texts as (
    select
        written_references.reference_range,
        known_sexes.sex,
        {{ reference_for_sex(lab_text('written_references.reference_range'), 'known_sexes.sex') }} as reference_text
    from written_references
    cross join known_sexes
),

chosen as (
    select
        linked.*,
        told.source_keys,
        told.same_item_count,
        told.newest_telling_no,
        coalesce(
            case upper(trim(linked.sex))
                when 'M' then 'M' when '1' then 'M' when '男' then 'M' when '男性' then 'M'
                when 'F' then 'F' when '2' then 'F' when '女' then 'F' when '女性' then 'F'
            end,
            patients.sex, 'U'
        ) as known_sex,
        case
            when not linked.is_unit_believed then null
            when linked.unit_key = 'g/l' and linked.canonical_unit in ('10*9/L', '10*12/L') then '10*9/L'
            when linked.unit_key = 't/l' then '10*12/L'
            else unit_names.unit
        end as ucum_unit,
        coalesce(statuses.report_status, 'final') as report_status
    from linked
    inner join told on linked.lab_result_key = told.lab_result_key
    left join patients on linked.patient_key = patients.patient_key
    left join unit_names on linked.unit_key = unit_names.unit_key
    left join statuses on {{ code_key('linked.report_status_source') }} = statuses.value_key
),

referenced as (
    select
        chosen.*,
        reference_texts.reference_text
    from chosen
    left join reference_texts
        on chosen.reference_range = reference_texts.reference_range and chosen.known_sex = reference_texts.sex
),

bounded as (
    select
        *,
        coalesce(
            try_cast(reference_low as double),
            {{ range_end('reference_text', 1) }},
            try_cast(regexp_extract(reference_text, '^\s*[>≥]\s*([0-9.]+)', 1) as double)
        ) as ref_lo,
        coalesce(
            try_cast(reference_high as double),
            {{ range_end('reference_text', 2) }},
            try_cast(regexp_extract(reference_text, '^\s*[<≤]\s*([0-9.]+)', 1) as double)
        ) as ref_hi,
        case
            when regexp_matches(reference_text, '(?i)^\s*(阴性?|neg|[(]-[)]|未检出)') then 'NEG'
            when regexp_matches(reference_text, '(?i)^\s*(阳性?|pos|[(]\+[)])') then 'POS'
        end as ref_qualitative
    from referenced
),

results as (
    select
        lab_result_key,
        patient_key,
        encounter_key,
        report_id,
        barcode,
        specimen,
        item_source_code,
        item_source_name,
        canonical_item_code as item_code,
        case
            when canonical_item_code <> 'ddimer' then loinc
            when value_basis = 'FEU' then '48065-7'
            when value_basis = 'DDU' then '48066-5'
        end as loinc,
        case when canonical_item_code is not null then item_hint_basis end as item_mapping_basis,
        case
            when canonical_item_code is null then 'unmapped'
            when item_hint_basis in ('review', 'code_map') then 'reviewed'
            else 'mapped'
        end as item_mapping_status,
        value_source,
        value_class,
        cast(value_number as double) as value_number,
        value_comparator,
        value_low,
        value_high,
        value_qualitative,
        case
            when value_class = 'qualitative' then value_qualitative
            when value_class = 'titre'
                then regexp_replace(regexp_extract(result_core, '([<>≤≥]?\s*1\s*:\s*[0-9.]+)', 1), '\s', '', 'g')
            when value_class in ('see_report', 'not_done', 'text') then result_text
        end as value_text,
        unit_source,
        coalesce(ucum_unit, case when has_known_unit and unit_key = '1' then '1' end) as unit,
        value_basis as basis,
        case
            when
                converted_value between coalesce(plausible_min, converted_value)
                and coalesce(plausible_max, converted_value)
                then converted_value
        end as canonical_value,
        canonical_unit,
        case
            when canonical_item_code is null then 'item_unknown'
            when value_number is null then 'non_numeric'
            when converted_value is null and is_unit_ambiguous and not coalesce(has_known_unit, false)
                then 'basis_unknown'
            when not coalesce(has_known_unit, false) then 'unit_unknown'
            when converted_value < plausible_min or converted_value > plausible_max then 'rejected'
            else 'ok'
        end as value_status,
        reference_range as reference_range_source,
        ref_lo,
        ref_hi,
        ref_qualitative,
        abnormal_flag_source,
        coalesce(
            {{ abnormal_flag_of('abnormal_flag_source') }},
            case
                when regexp_matches(value_source, '↑|[(\[]H+[)\]]|\sH+$|[0-9]H$|高$|^H+\s') then 'H'
                when regexp_matches(value_source, '↓|[(\[]L+[)\]]|\sL+$|[0-9]L$|低$|^L+\s') then 'L'
            end
        ) as abnormal_flag,
        case
            when value_class <> 'numeric' or (ref_lo is null and ref_hi is null) then null
            when cast(value_number as double) < ref_lo then 'below'
            when cast(value_number as double) > ref_hi then 'above'
            else 'within'
        end as reference_position,
        coalesce(is_rerun_told, false)
        or (same_item_count > 1 and report_id is not null and newest_telling_no = 1) as is_rerun,
        report_id is null or newest_telling_no = 1 as is_preferred,
        report_status,
        collected_at,
        received_at,
        verified_at,
        link_method,
        source_keys,
        version_no,
        true as is_current,
        is_deleted,
        valid_from,
        cast(null as timestamp) as valid_to,
        {{ flag_list([
            ['date_order', 'verified_at < collected_at'],
            ['orphan_record', 'patient_key is null'],
            ['preliminary_report', "report_status = 'preliminary'"],
            ['unit_inferred', 'is_unit_inferred'],
            [
                'unit_mismatch',
                "canonical_item_code is not null and value_number is not null and stated_unit_key is not null "
                ~ "and not coalesce(has_known_unit, false) and not is_unit_ambiguous"
            ],
            ['value_out_of_range', 'converted_value < plausible_min or converted_value > plausible_max']
        ]) }} as dq_flags,
        source_system,
        source_period,
        source_key,
        load_id,
        loaded_at
    from bounded
)

select * from results
