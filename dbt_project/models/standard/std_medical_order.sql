with versions as (
    {{ with_versions(ref('stg_his__medical_order'), ['order_id']) }}
),

encounters as (
    select * from {{ ref('std_encounter') }}
),

orders as (
    select
        {{ surrogate_key(["'order'", 'versions.order_id']) }} as order_key,
        encounters.patient_key,
        {{ surrogate_key(["'encounter'", 'versions.visit_id']) }} as encounter_key,
        versions.order_id,
        versions.order_type as order_type_source_name,
        versions.item_code as item_source_code,
        versions.item_name as item_source_name,
        versions.dose as dose_source,
        versions.dose_unit as dose_unit_source,
        versions.frequency as frequency_source,
        versions.route as route_source_name,
        case when regexp_matches(versions.order_status, '作废|取消|撤销') then 'cancelled' else 'active' end
            as order_status,
        versions.started_at,
        versions.stopped_at,
        versions.executed_at,
        encounters.encounter_key is null as is_orphan,
        versions.version_no,
        versions.source_system,
        versions.source_period,
        versions.load_id,
        versions.loaded_at
    from versions
    left join encounters on versions.visit_id = encounters.visit_id
    where versions.is_current
)

select * from orders
