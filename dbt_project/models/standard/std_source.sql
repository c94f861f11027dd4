-- What feeds what: which system tells which kind of fact, of how many facts it is the most trusted voice, how many
-- carry a key of it, and when it last brought one.
{% set entities = [
    'encounter', 'report', 'imaging_study', 'request', 'medical_order', 'charge', 'delivery', 'vital_sign'
] %}
{% set merged_entities = ['encounter', 'report', 'imaging_study', 'request'] %}

with heads as (
    {% for entity in entities -%}
        select
            '{{ entity }}' as entity,
            source_system,
            count(*) as record_count,
            count(case when is_deleted then 1 end) as deleted_count,
            count(case when patient_key is null then 1 end) as orphan_count,
            max(load_id) as load_id,
            min(loaded_at) as first_loaded_at,
            max(loaded_at) as loaded_at
        from {{ ref('std_' ~ entity) }}
        where is_current
        group by source_system
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

keys as (
    {% for entity in merged_entities -%}
        select
            '{{ entity }}' as entity,
            {{ unnest_list('source_keys') }} as source_key
        from {{ ref('std_' ~ entity) }}
        where is_current
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

told as (
    select
        entity,
        split_part(source_key, ':', 1) as source_system,
        count(*) as told_count
    from keys
    group by entity, split_part(source_key, ':', 1)
),

systems as (
    select
        coalesce(heads.entity, told.entity) as entity,
        coalesce(heads.source_system, told.source_system) as source_system,
        coalesce(heads.record_count, 0) as record_count,
        coalesce(told.told_count, heads.record_count) as told_count,
        coalesce(heads.deleted_count, 0) as deleted_count,
        coalesce(heads.orphan_count, 0) as orphan_count,
        heads.first_loaded_at,
        heads.load_id,
        heads.loaded_at
    from heads
    full outer join told on heads.entity = told.entity and heads.source_system = told.source_system
)

select * from systems
