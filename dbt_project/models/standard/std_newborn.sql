-- One row per newborn of the obstetric register, newest version. The child's own registration is a person of its own: a
-- number that is the mother's names the mother and never the child.
with versions as (
    {{ with_versions(ref('stg_obstetrics__newborn'), ['source_period', 'newborn_id'], ['updated_at']) }}
),

code_maps as (
    select * from {{ ref('std_code_map') }}
    where entity = 'newborn'
),

outcomes as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__newborn_outcome') }}
),

sexes as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__sex') }}
),

links as (
    select * from {{ ref('std_patient_link') }}
),

encounters as (
    select * from {{ ref('std_encounter') }}
),

deliveries as (
    select * from {{ ref('std_delivery') }}
),

inpatients as (
    select
        inpatient_no,
        max(patient_key) as patient_key
    from encounters
    where inpatient_no is not null
    group by inpatient_no
    having count(distinct patient_key) = 1
),

-- a register without delivery numbers: the only delivery of the mother on that day
delivery_days as (
    select
        patient_key,
        cast(delivered_at as date) as delivered_date,
        max(delivery_key) as delivery_key
    from deliveries
    where patient_key is not null and delivered_at is not null
    group by patient_key, cast(delivered_at as date)
    having count(*) = 1
),

delivery_numbers as (
    select
        delivery_id,
        max(delivery_key) as delivery_key
    from deliveries
    group by delivery_id
    having count(*) = 1
),

linked as (
    select
        versions.*,
        coalesce(mothers.patient_key, mother_visits.patient_key, inpatients.patient_key) as told_mother_key,
        case
            when coalesce(versions.patient_id <> versions.mother_patient_id, true) then children.patient_key
        end as child_key,
        coalesce(versions.patient_id = versions.mother_patient_id, false) as has_mothers_number,
        coalesce(outcomes.newborn_outcome, outcome_maps.standard_value) as standard_outcome,
        {{ mapping_status('versions.outcome', 'outcome_maps.standard_value', 'outcomes.newborn_outcome') }}
            as outcome_mapping_status,
        coalesce(sexes.sex, 'U') as standard_sex
    from versions
    left join links as mothers on versions.mother_patient_id = mothers.patient_id
    left join links as children on versions.patient_id = children.patient_id
    left join encounters as mother_visits on versions.mother_visit_id = mother_visits.visit_id
    left join inpatients on versions.mother_inpatient_no = inpatients.inpatient_no
    {{ join_code_map('outcome_maps', 'versions', ['outcome'], 'outcome') }}
    {{ join_code_map('sex_maps', 'versions', ['sex'], 'sex') }}
    left join outcomes
        on
            coalesce({{ code_key('outcome_maps.standard_value') }}, {{ code_key('versions.outcome') }})
            = outcomes.value_key
    left join sexes
        on coalesce({{ code_key('sex_maps.standard_value') }}, {{ code_key('versions.sex') }}) = sexes.value_key
    where versions.is_current
),

born as (
    select
        linked.*,
        coalesce(delivery_numbers.delivery_key, delivery_days.delivery_key) as delivery_key,
        {{ weight_grams('linked.birth_weight') }} as weight_g
    from linked
    left join delivery_numbers on linked.delivery_id = delivery_numbers.delivery_id
    left join delivery_days
        on
            linked.told_mother_key = delivery_days.patient_key
            and cast(linked.born_at as date) = delivery_days.delivered_date
),

newborns as (
    select
        {{ surrogate_key(["'newborn'", 'born.source_period', 'born.newborn_id']) }} as newborn_key,
        born.delivery_key,
        coalesce(deliveries.patient_key, born.told_mother_key) as mother_patient_key,
        case
            when coalesce(born.child_key <> coalesce(deliveries.patient_key, born.told_mother_key), true)
                then born.child_key
        end as newborn_patient_key,
        born.newborn_id,
        born.birth_order as birth_order_source,
        case
            when try_cast(born.birth_order as integer) between 1 and 8 then try_cast(born.birth_order as integer)
            when regexp_matches(upper(born.birth_order), '^[A-H]$') then ascii(upper(born.birth_order)) - 64
            when regexp_matches(born.birth_order, '大|一|甲') then 1
            when regexp_matches(born.birth_order, '小|二|乙') then 2
        end as birth_order,
        born.sex as sex_source_code,
        born.standard_sex as sex,
        born.birth_weight as birth_weight_source,
        case when born.weight_g between 300 and 7000 then born.weight_g end as birth_weight_g,
        cast({{ parse_number('born.birth_length') }} as double) as birth_length_cm,
        coalesce(
            {{ apgar_part('born.apgar_1', 1) }}, {{ apgar_part('born.apgar', 1) }}
        ) as apgar_1,
        coalesce(
            {{ apgar_part('born.apgar_5', 1) }}, {{ apgar_part('born.apgar', 2) }}
        ) as apgar_5,
        coalesce(
            {{ apgar_part('born.apgar_10', 1) }}, {{ apgar_part('born.apgar', 3) }}
        ) as apgar_10,
        {{ parse_boolean('born.is_nicu') }} as is_nicu,
        born.outcome as outcome_source_code,
        born.standard_outcome as outcome,
        born.outcome_mapping_status,
        coalesce(born.born_at, deliveries.delivered_at) as born_at,
        born.version_no,
        true as is_current,
        born.is_deleted,
        born.valid_from,
        born.valid_to,
        {{ flag_list([
            [
                'mother_newborn',
                'born.has_mothers_number or born.child_key = coalesce(deliveries.patient_key, born.told_mother_key)'
            ],
            ['orphan_record', 'born.delivery_key is null'],
            ['value_out_of_range', 'born.weight_g not between 300 and 7000']
        ]) }} as dq_flags,
        born.source_system,
        born.source_period,
        born.newborn_id as source_key,
        born.load_id,
        born.loaded_at
    from born
    left join deliveries on born.delivery_key = deliveries.delivery_key
)

select * from newborns
