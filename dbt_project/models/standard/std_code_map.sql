-- The newest map of each layout and column: what `codes:` of its mapping YAML says. Looked up before the seeds.
with maps as (
    select
        *,
        coalesce(source_period, '') as period_key,
        {{ code_key('source_value') }} as value_key
    from {{ ref('stg_ledger__code_map') }}
    where standard_value is not null
),

ranked as (
    select
        *,
        row_number() over (
            partition by source_system, period_key, entity, column_name, value_key
            order by loaded_at desc, load_id desc, standard_value asc
        ) as newest_rank
    from maps
),

current_maps as (
    select
        source_system,
        source_period,
        period_key,
        entity,
        column_name,
        source_value,
        value_key,
        standard_value,
        load_id,
        loaded_at
    from ranked
    where newest_rank = 1
)

select * from current_maps
