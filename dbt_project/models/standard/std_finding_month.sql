-- How often a finding is said of the reports of each month, by disease. A figure behind which stand fewer than five
-- persons is left out, and with it the share that would tell it.
with report_diseases as (
    select
        *,
        coalesce(patient_key, report_key) as person,
        cast(date_trunc('month', examined_at) as date) as month_date
    from {{ ref('std_report_disease') }}
    where examined_at is not null
),

conclusions as (
    select * from {{ ref('std_report_conclusion') }}
    where status is not null and finding_code not like 'rec.%'
),

totals as (
    select
        disease,
        month_date,
        count(*) as report_count,
        count(distinct person) as person_count
    from report_diseases
    group by disease, month_date
),

counted as (
    select
        report_diseases.disease,
        report_diseases.month_date,
        {% for status in ('present', 'uncertain', 'absent') -%}
            count(case when conclusions.status = '{{ status }}' then 1 end) as {{ status }}_count,
            count(distinct case when conclusions.status = '{{ status }}' then report_diseases.person end)
                as {{ status }}_persons,
        {% endfor -%}
        conclusions.finding_code
    from report_diseases
    inner join conclusions on report_diseases.report_key = conclusions.report_key
    group by report_diseases.disease, report_diseases.month_date, conclusions.finding_code
),

months as (
    select
        counted.disease,
        counted.finding_code,
        counted.month_date,
        (counted.present_persons between 1 and {{ smallest_count() }} - 1)
        or totals.person_count < {{ smallest_count() }} as is_suppressed,
        case when totals.person_count >= {{ smallest_count() }} then totals.report_count end as report_count,
        {% for status in ('present', 'uncertain', 'absent') -%}
            case
                when
                    totals.person_count >= {{ smallest_count() }}
                    and not counted.{{ status }}_persons between 1 and {{ smallest_count() }} - 1
                    then counted.{{ status }}_count
            end as {{ status }}_count,
        {% endfor -%}
        case
            when
                totals.person_count >= {{ smallest_count() }}
                and not counted.present_persons between 1 and {{ smallest_count() }} - 1
                then cast(counted.present_count as double) / totals.report_count
        end as present_rate
    from counted
    inner join totals on counted.disease = totals.disease and counted.month_date = totals.month_date
)

select * from months
