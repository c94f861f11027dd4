-- One row per order of a drug.
with orders as (
    select * from {{ ref('std_medical_order') }}
    where order_class = 'drug'
),

antimicrobials as (
    select * from {{ ref('value_set__antimicrobial') }}
),

-- a pattern looks at each different name once, not at each order
names as (
    select distinct item_source_name from orders
    where item_source_name is not null
),

antimicrobial_names as (
    select
        names.item_source_name,
        min(antimicrobials.antimicrobial_class) as antimicrobial_class
    from names
    inner join antimicrobials on regexp_matches(names.item_source_name, antimicrobials.name_pattern)
    group by names.item_source_name
),

medications as (
    select
        orders.order_key as medication_key,
        orders.order_key,
        orders.patient_key,
        orders.encounter_key,
        orders.order_id,
        orders.group_no,
        orders.order_type,
        orders.item_source_code as drug_source_code,
        orders.item_source_name as drug_source_name,
        orders.drug_code,
        antimicrobial_names.antimicrobial_class,
        orders.dose_source,
        orders.dose_number,
        orders.dose_unit_source,
        orders.frequency_source,
        orders.frequency_per_day,
        orders.route_source_name,
        orders.route,
        orders.order_status,
        orders.started_at,
        orders.stopped_at,
        orders.executed_at,
        orders.version_no,
        orders.is_current,
        orders.is_deleted,
        orders.valid_from,
        orders.valid_to,
        orders.dq_flags,
        orders.source_system,
        orders.source_period,
        orders.source_key,
        orders.load_id,
        orders.loaded_at
    from orders
    left join antimicrobial_names on orders.item_source_name = antimicrobial_names.item_source_name
)

select * from medications
