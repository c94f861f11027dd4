-- Green, amber and red of each source at the last look: the age of its last delivery and of its newest event.
with looks as (
    select * from {{ ref('stg_ledger__freshness') }}
),

ages as (
    select
        source_system,
        source_period,
        expected_hours,
        last_delivery_at,
        newest_event_at,
        looked_at,
        {{ hours_between('last_delivery_at', 'looked_at') }} as delivery_age_hours,
        {{ hours_between('newest_event_at', 'looked_at') }} as event_age_hours
    from looks
),

judged as (
    select
        *,
        case
            when expected_hours is null or delivery_age_hours is null then 0
            when delivery_age_hours <= expected_hours then 1
            when delivery_age_hours <= 2 * expected_hours then 2
            else 3
        end as delivery_grade,
        -- an event lies before its delivery, so it may be one interval older
        case
            when expected_hours is null or event_age_hours is null then 0
            when event_age_hours <= 2 * expected_hours then 1
            when event_age_hours <= 3 * expected_hours then 2
            else 3
        end as event_grade
    from ages
),

freshness as (
    select
        source_system,
        source_period,
        expected_hours,
        delivery_age_hours,
        event_age_hours,
        case greatest(delivery_grade, event_grade)
            when 1 then 'green'
            when 2 then 'amber'
            when 3 then 'red'
            else 'not_expected'
        end as freshness_status,
        last_delivery_at,
        newest_event_at,
        looked_at
    from judged
)

select * from freshness
