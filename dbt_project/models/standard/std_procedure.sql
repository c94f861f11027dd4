-- One operation or procedure told by several systems is one row: HIS before FHIR (sources.md 5.1). The same fact is the
-- same concept, else the same words, on the same day of the same encounter.
{% set filled = ['procedure_name', 'performed_date', 'started_at', 'ended_at'] %}

with code_maps as (
    select * from {{ ref('std_code_map') }}
    where entity = 'procedure'
),

links as (
    select * from {{ ref('std_patient_link') }}
),

unique_cores as (
    {{ unique_patient_cores('links') }}
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

codes as (
    select * from {{ ref('std_code') }}
    where domain = 'procedure'
),

reviews as (
    {{ current_reviews('procedure') }}
),

his_versions as (
    {{ with_versions(ref('stg_his__procedure'), ['source_period', 'procedure_id']) }}
),

fhir_versions as (
    {{ with_versions(
        ref('stg_fhir__procedure'), ['resource_id'], ['last_updated', 'try_cast(version_id as bigint)']
    ) }}
),

united as (
    select
        1 as system_trust,
        source_system,
        source_period,
        procedure_id as source_key,
        visit_id as encounter_reference,
        visit_id,
        patient_id,
        patient_id_core,
        coalesce(procedure_source_code, procedure_code) as procedure_source_code,
        case when procedure_code is not null then coalesce(procedure_source_code, procedure_code) end as code_cell,
        cast(null as varchar) as declared_code_system,
        procedure_name,
        procedure_level,
        incision_healing,
        anesthesia,
        blood_loss,
        transfusion,
        performed_date,
        started_at,
        ended_at,
        version_no,
        is_deleted,
        valid_from,
        load_id,
        loaded_at
    from his_versions
    where is_current
    union all
    select
        5 as system_trust,
        source_system,
        source_period,
        resource_id as source_key,
        encounter_id as encounter_reference,
        null as visit_id,
        coalesce(patient_identifier, patient_id) as patient_id,
        null as patient_id_core,
        coalesce(procedure_source_code, procedure_code) as procedure_source_code,
        case when procedure_code is not null then coalesce(procedure_source_code, procedure_code) end as code_cell,
        procedure_code_system as declared_code_system,
        procedure_name,
        null as procedure_level,
        null as incision_healing,
        null as anesthesia,
        null as blood_loss,
        null as transfusion,
        cast(cast(started_at as date) as timestamp) as performed_date,
        started_at,
        ended_at,
        version_no,
        is_deleted or coalesce(lower(status) in ('not-done', 'entered-in-error'), false) as is_deleted,
        valid_from,
        load_id,
        loaded_at
    from fhir_versions
    where is_current
),

coded as (
    select
        united.*,
        codes.part_no,
        codes.code_norm,
        codes.code_system,
        codes.code_system_basis,
        codes.code_version,
        codes.code_valid,
        codes.code_valid_basis,
        codes.concept_code as code_concept,
        codes.concept_extension,
        codes.concept_basis,
        codes.is_respelled,
        codes.is_of_other_domain,
        {{ term_key('united.procedure_name') }} as name_key
    from united
    left join code_maps as code_code_maps
        on
            united.source_system = code_code_maps.source_system
            and coalesce(united.source_period, '') = code_code_maps.period_key
            and code_code_maps.column_name = 'procedure_code'
            and {{ code_key('united.code_cell') }} = code_code_maps.value_key
    left join codes
        on
            coalesce(code_code_maps.standard_value, united.code_cell) = codes.code_cell
            and case when code_code_maps.standard_value is null then united.declared_code_system end
            is not distinct from codes.declared_code_system
),

-- different names are few, so patterns are looked for once a name; the longest decides
named as (
    select
        names.procedure_name,
        max_by(patterns.concept_code, length(patterns.name_pattern)) as concept_code
    from (
        select distinct procedure_name from coded
        where code_concept is null and procedure_name is not null
    ) as names
    inner join {{ ref('terminology__procedure_name') }} as patterns
        on regexp_matches(names.procedure_name, patterns.name_pattern)
    group by names.procedure_name
),

identified as (
    select
        coded.*,
        coalesce(own_code.decision, any_code.decision, own_term.decision, any_term.decision) as decision,
        case
            when own_code.decision is not null then own_code.target_code
            when any_code.decision is not null then any_code.target_code
            when own_term.decision is not null then own_term.target_code
            else any_term.target_code
        end as reviewed_concept,
        named.concept_code as name_concept
    from coded
    left join reviews as own_code
        on coded.code_norm = own_code.source_code and coded.source_system = own_code.only_system
    left join reviews as any_code on coded.code_norm = any_code.source_code and any_code.only_system = ''
    left join reviews as own_term
        on
            coded.code_concept is null and own_term.source_code is null
            and coded.name_key = own_term.source_term and coded.source_system = own_term.only_system
    left join reviews as any_term
        on
            coded.code_concept is null and any_term.source_code is null
            and coded.name_key = any_term.source_term and any_term.only_system = ''
    left join named on coded.procedure_name = named.procedure_name
),

resolved as (
    select
        identified.*,
        {{ surrogate_key([
            "'procedure'", 'identified.source_system', 'identified.source_period', 'identified.source_key',
            'coalesce(identified.part_no, 1)'
        ]) }} as procedure_key,
        coalesce(visits.encounter_key, encounter_references.encounter_key) as encounter_key,
        coalesce(
            visits.patient_key, encounter_references.patient_key, links.patient_key, unique_cores.survivor_patient_key
        ) as patient_key,
        case
            when visits.patient_key is not null or encounter_references.patient_key is not null then 'visit_id'
            when links.patient_key is not null then 'patient_id'
            when unique_cores.survivor_patient_key is not null then 'patient_id_without_zeros'
            else 'none'
        end as link_method,
        case
            when identified.decision = 'map' then identified.reviewed_concept
            when identified.decision is null then coalesce(identified.code_concept, identified.name_concept)
        end as concept_code,
        case
            when identified.decision = 'map' then 'review'
            when identified.decision is not null then null
            when identified.code_concept is not null then identified.concept_basis
            when identified.name_concept is not null then 'name'
        end as mapping_basis
    from identified
    left join visits on identified.visit_id = visits.visit_id
    left join encounter_references
        on identified.source_system || ':' || identified.encounter_reference = encounter_references.source_reference
    left join links on identified.patient_id = links.patient_id
    left join unique_cores on identified.patient_id_core = unique_cores.patient_id_core
),

placed as (
    select
        *,
        coalesce(encounter_key, patient_key, source_key) || '/'
        || coalesce(cast(cast(coalesce(performed_date, started_at) as date) as varchar), '') as fact_place,
        coalesce(concept_code, name_key, code_norm, procedure_key) as fact_concept
    from resolved
),

counted as (
    select
        *,
        row_number() over (
            partition by source_system, fact_place, fact_concept
            order by is_deleted, started_at nulls last, source_key, part_no
        ) as telling_no
    from placed
),

keyed as (
    select
        *,
        {{ surrogate_key(['fact_place', 'fact_concept', 'telling_no']) }} as fact_key
    from counted
),

ranked as (
    select
        *,
        row_number() over (
            partition by fact_key
            order by system_trust asc, is_deleted asc, loaded_at desc, source_key asc, part_no asc
        ) as trust
    from keyed
),

filled as (
    select
        fact_key,
        {% for column in filled -%}
            {{ most_trusted(column) }} as {{ column }},
        {% endfor -%}
        {{ filled_from(filled) }} as filled_from,
        {{ all_source_keys() }} as source_keys
    from ranked
    group by fact_key
),

procedures as (
    select
        ranked.procedure_key,
        ranked.encounter_key,
        ranked.patient_key,
        ranked.procedure_source_code as code_raw,
        ranked.code_norm,
        coalesce(ranked.code_system, case when ranked.code_cell is not null then 'local' end) as code_system,
        ranked.code_system_basis,
        ranked.code_version,
        ranked.code_valid,
        ranked.code_valid_basis,
        ranked.concept_code,
        ranked.concept_extension,
        ranked.mapping_basis,
        case
            when ranked.mapping_basis = 'review' then 'reviewed'
            when ranked.concept_code is not null then 'mapped'
            else 'unmapped'
        end as mapping_status,
        filled.procedure_name,
        cast(ranked.part_no as integer) as part_no,
        ranked.procedure_level,
        ranked.incision_healing,
        ranked.anesthesia,
        ranked.blood_loss as blood_loss_source,
        cast({{ volume_ml('ranked.blood_loss', 'low') }} as double) as blood_loss_ml_lo,
        cast({{ volume_ml('ranked.blood_loss', 'high') }} as double) as blood_loss_ml_hi,
        cast({{ volume_ml('ranked.transfusion', 'low') }} as double) as transfusion_ml,
        cast(filled.performed_date as date) as performed_date,
        filled.started_at,
        filled.ended_at,
        ranked.encounter_key is null as is_orphan,
        ranked.link_method,
        filled.source_keys,
        filled.filled_from,
        ranked.version_no,
        true as is_current,
        ranked.is_deleted,
        ranked.valid_from,
        cast(null as timestamp) as valid_to,
        {{ flag_list([
            ['code_format', 'ranked.is_respelled'],
            ['code_system_mixed', 'ranked.is_of_other_domain'],
            [
                'code_unknown',
                "ranked.code_cell is not null and ranked.decision is null and (ranked.code_valid = false "
                ~ "or (ranked.code_concept is null and coalesce(ranked.code_system, 'local') = 'local'))"
            ],
            ['date_order', 'filled.ended_at < filled.started_at'],
            ['orphan_record', 'ranked.encounter_key is null']
        ]) }} as dq_flags,
        ranked.source_system,
        ranked.source_period,
        ranked.source_key,
        ranked.load_id,
        ranked.loaded_at
    from ranked
    inner join filled on ranked.fact_key = filled.fact_key
    where ranked.trust = 1
)

select * from procedures
