-- How often two findings are present in one report, against what chance would make of their frequencies: lift is the
-- observed share over the expected. Pairs that few persons have are named without figures.
with report_diseases as (
    select * from {{ ref('std_report_disease') }}
),

conclusions as (
    select * from {{ ref('std_report_conclusion') }}
    where status = 'present' and finding_code not like 'rec.%'
),

totals as (
    select
        disease,
        count(*) as report_count
    from report_diseases
    group by disease
),

present as (
    select
        report_diseases.disease,
        report_diseases.report_key,
        coalesce(report_diseases.patient_key, report_diseases.report_key) as person,
        conclusions.finding_code
    from report_diseases
    inner join conclusions on report_diseases.report_key = conclusions.report_key
),

counted as (
    select
        disease,
        finding_code,
        count(*) as report_count
    from present
    group by disease, finding_code
),

singles as (
    select
        counted.*,
        cast(counted.report_count as double) / totals.report_count as report_share
    from counted
    inner join totals on counted.disease = totals.disease
),

pairs as (
    select
        one.disease,
        one.finding_code as finding_code_a,
        other.finding_code as finding_code_b,
        count(*) as both_count,
        count(distinct one.person) as person_count
    from present as one
    inner join present as other
        on
            one.disease = other.disease
            and one.report_key = other.report_key
            and one.finding_code < other.finding_code
    group by one.disease, one.finding_code, other.finding_code
),

measured as (
    select
        pairs.disease,
        pairs.finding_code_a,
        pairs.finding_code_b,
        pairs.person_count < {{ smallest_count() }} as is_suppressed,
        case when pairs.person_count >= {{ smallest_count() }} then totals.report_count end as report_count,
        case when pairs.person_count >= {{ smallest_count() }} then singles_a.report_count end as report_count_a,
        case when pairs.person_count >= {{ smallest_count() }} then singles_b.report_count end as report_count_b,
        case when pairs.person_count >= {{ smallest_count() }} then pairs.both_count end as both_count,
        case when pairs.person_count >= {{ smallest_count() }} then pairs.person_count end as person_count,
        case
            when pairs.person_count >= {{ smallest_count() }}
                then cast(pairs.both_count as double) / totals.report_count
        end as support_rate,
        case
            when pairs.person_count >= {{ smallest_count() }}
                then singles_a.report_share * singles_b.report_share
        end as expected_rate,
        case
            when pairs.person_count >= {{ smallest_count() }}
                then pairs.both_count / (singles_a.report_share * singles_b.report_share * totals.report_count)
        end as lift
    from pairs
    inner join totals on pairs.disease = totals.disease
    inner join singles as singles_a
        on pairs.disease = singles_a.disease and pairs.finding_code_a = singles_a.finding_code
    inner join singles as singles_b
        on pairs.disease = singles_b.disease and pairs.finding_code_b = singles_b.finding_code
)

select * from measured
