-- One row per line of a bill, newest version. A refund is a line of its own with a negative amount, or a mark on the
-- line.
with versions as (
    {{ with_versions(ref('stg_his__charge'), ['source_period', 'charge_id']) }}
),

links as (
    select * from {{ ref('std_patient_link') }}
),

encounters as (
    select * from {{ ref('std_encounter') }}
),

charges as (
    select
        {{ surrogate_key(["'charge'", 'versions.source_period', 'versions.charge_id']) }} as charge_key,
        coalesce(encounters.patient_key, by_number.patient_key) as patient_key,
        encounters.encounter_key,
        versions.charge_id,
        versions.order_id,
        versions.request_id,
        versions.refunded_charge_id,
        versions.item_code as item_source_code,
        versions.item_name as item_source_name,
        versions.item_category as item_category_source_code,
        versions.department,
        cast({{ parse_number('versions.quantity') }} as double) as quantity,
        versions.unit as unit_source,
        cast({{ parse_number('versions.unit_price') }} as double) as unit_price_cny,
        cast({{ parse_number('versions.amount') }} as double) as amount_cny,
        coalesce({{ parse_number('versions.amount') }} < 0 or {{ parse_number('versions.quantity') }} < 0, false)
        or coalesce({{ parse_boolean('versions.is_refunded') }}, false) as is_refund,
        versions.charged_at,
        versions.version_no,
        true as is_current,
        versions.is_deleted,
        versions.valid_from,
        versions.valid_to,
        {{ flag_list([['orphan_record', 'encounters.encounter_key is null']]) }} as dq_flags,
        versions.source_system,
        versions.source_period,
        versions.charge_id as source_key,
        versions.load_id,
        versions.loaded_at
    from versions
    left join encounters on versions.visit_id = encounters.visit_id
    left join links as by_number on versions.patient_id = by_number.patient_id
    where versions.is_current
)

select * from charges
