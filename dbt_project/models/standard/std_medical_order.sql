-- One row per medical order, newest version: of the HIS, and prescriptions of FHIR that the HIS does not have under the
-- same number.
with his_versions as (
    {{ with_versions(ref('stg_his__medical_order'), ['source_period', 'order_id']) }}
),

fhir_versions as (
    {{ with_versions(
        ref('stg_fhir__medication_request'), ['resource_id'], ['last_updated', 'try_cast(version_id as bigint)']
    ) }}
),

fhir_encounters as (
    select
        resource_id,
        max(visit_id) as visit_id
    from {{ ref('stg_fhir__encounter') }}
    where visit_id is not null
    group by resource_id
),

united as (
    select
        1 as trust,
        source_system,
        source_period,
        order_id as source_key,
        order_id,
        patient_id,
        visit_id,
        group_no,
        request_id,
        order_type,
        order_class,
        item_code,
        item_name,
        drug_code,
        dose,
        dose_unit,
        frequency,
        route,
        order_status,
        started_at,
        stopped_at,
        executed_at,
        is_deleted,
        version_no,
        valid_from,
        valid_to,
        load_id,
        loaded_at
    from his_versions
    where is_current
    union all
    select
        2 as trust,
        versions.source_system,
        versions.source_period,
        versions.resource_id as source_key,
        coalesce(versions.placer_order_id, versions.request_identifier, versions.resource_id) as order_id,
        coalesce(versions.patient_identifier, versions.patient_id) as patient_id,
        fhir_encounters.visit_id,
        versions.group_identifier as group_no,
        null as request_id,
        null as order_type,
        'drug' as order_class,
        versions.medication_code as item_code,
        coalesce(versions.medication_name, versions.medication_text, versions.medication_reference_name) as item_name,
        versions.medication_alternate_code as drug_code,
        versions.dose_value as dose,
        versions.dose_unit,
        coalesce(versions.frequency_code, versions.frequency_name) as frequency,
        coalesce(versions.route_name, versions.route_code) as route,
        versions.status as order_status,
        coalesce(versions.started_at, versions.authored_at) as started_at,
        versions.ended_at as stopped_at,
        null as executed_at,
        versions.is_deleted,
        versions.version_no,
        versions.valid_from,
        versions.valid_to,
        versions.load_id,
        versions.loaded_at
    from fhir_versions as versions
    left join fhir_encounters on versions.encounter_id = fhir_encounters.resource_id
    where versions.is_current
),

order_keys as (
    select
        order_id,
        min(trust) as best_trust,
        {{ all_source_keys() }} as source_keys
    from united
    group by order_id
),

-- an order of the HIS and its copy are one; two layouts of the HIS with one number are two
versions as (
    select
        united.*,
        order_keys.source_keys
    from united
    inner join order_keys on united.order_id = order_keys.order_id and united.trust = order_keys.best_trust
),

code_maps as (
    select * from {{ ref('std_code_map') }}
    where entity = 'medical_order'
),

statuses as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__order_status') }}
),

types as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__order_type') }}
),

classes as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__order_class') }}
),

routes as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__route') }}
),

frequencies as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__frequency') }}
),

links as (
    select * from {{ ref('std_patient_link') }}
),

encounters as (
    select * from {{ ref('std_encounter') }}
),

orders as (
    select
        {{ surrogate_key(["'order'", 'versions.source_system', 'versions.source_period', 'versions.source_key']) }}
            as order_key,
        coalesce(encounters.patient_key, by_number.patient_key) as patient_key,
        encounters.encounter_key,
        versions.order_id,
        versions.group_no,
        versions.request_id,
        versions.order_type as order_type_source_name,
        coalesce(types.order_type, type_maps.standard_value) as order_type,
        {{ mapping_status('versions.order_type', 'type_maps.standard_value', 'types.order_type') }}
            as order_type_mapping_status,
        versions.order_class as order_class_source_code,
        coalesce(
            classes.order_class, class_maps.standard_value,
            case
                when versions.drug_code is not null or versions.route is not null or versions.dose is not null
                    then 'drug'
            end
        ) as order_class,
        case
            when versions.order_class is null then 'inferred'
            else {{ mapping_status('versions.order_class', 'class_maps.standard_value', 'classes.order_class') }}
        end as order_class_mapping_status,
        versions.item_code as item_source_code,
        versions.item_name as item_source_name,
        versions.drug_code,
        versions.dose as dose_source,
        cast({{ parse_number('versions.dose') }} as double) as dose_number,
        versions.dose_unit as dose_unit_source,
        versions.frequency as frequency_source,
        coalesce(frequencies.times_per_day, try_cast(frequency_maps.standard_value as double)) as frequency_per_day,
        {{ mapping_status(
            'versions.frequency', 'frequency_maps.standard_value', 'frequencies.times_per_day'
        ) }} as frequency_mapping_status,
        versions.route as route_source_name,
        coalesce(routes.route, route_maps.standard_value) as route,
        {{ mapping_status('versions.route', 'route_maps.standard_value', 'routes.route') }} as route_mapping_status,
        versions.order_status as order_status_source_code,
        case
            when versions.is_deleted then 'cancelled'
            else coalesce(
                statuses.order_status, status_maps.standard_value,
                case when regexp_matches(versions.order_status, '作废|取消|撤销|退') then 'cancelled' else 'active' end
            )
        end as order_status,
        {{ mapping_status('versions.order_status', 'status_maps.standard_value', 'statuses.order_status') }}
            as order_status_mapping_status,
        versions.started_at,
        versions.stopped_at,
        versions.executed_at,
        encounters.encounter_key is null as is_orphan,
        versions.source_keys,
        versions.version_no,
        true as is_current,
        versions.is_deleted,
        versions.valid_from,
        versions.valid_to,
        {{ flag_list([
            ['date_order', 'versions.stopped_at < versions.started_at'],
            ['orphan_record', 'encounters.encounter_key is null']
        ]) }} as dq_flags,
        versions.source_system,
        versions.source_period,
        versions.source_key,
        versions.load_id,
        versions.loaded_at
    from versions
    left join encounters on versions.visit_id = encounters.visit_id
    left join links as by_number on versions.patient_id = by_number.patient_id
    {{ join_code_map('type_maps', 'versions', ['order_type'], 'order_type') }}
    {{ join_code_map('class_maps', 'versions', ['order_class'], 'order_class') }}
    {{ join_code_map('frequency_maps', 'versions', ['frequency'], 'frequency') }}
    {{ join_code_map('route_maps', 'versions', ['route'], 'route') }}
    {{ join_code_map('status_maps', 'versions', ['order_status'], 'order_status') }}
    left join types
        on
            coalesce({{ code_key('type_maps.standard_value') }}, {{ code_key('versions.order_type') }})
            = types.value_key
    left join classes
        on
            coalesce({{ code_key('class_maps.standard_value') }}, {{ code_key('versions.order_class') }})
            = classes.value_key
    left join frequencies
        on
            coalesce({{ code_key('frequency_maps.standard_value') }}, {{ code_key('versions.frequency') }})
            = frequencies.value_key
    left join routes
        on coalesce({{ code_key('route_maps.standard_value') }}, {{ code_key('versions.route') }}) = routes.value_key
    left join statuses
        on
            coalesce({{ code_key('status_maps.standard_value') }}, {{ code_key('versions.order_status') }})
            = statuses.value_key
)

select * from orders
