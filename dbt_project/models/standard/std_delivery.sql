-- One row per delivery of the obstetric register, newest version. The mother is found by her number, her visit, or her
-- inpatient number.
with versions as (
    {{ with_versions(ref('stg_obstetrics__delivery'), ['source_period', 'delivery_id'], ['updated_at']) }}
),

code_maps as (
    select * from {{ ref('std_code_map') }}
    where entity = 'delivery'
),

modes as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__delivery_mode') }}
),

links as (
    select * from {{ ref('std_patient_link') }}
),

record_links as (
    select * from {{ ref('std_patient_record_link') }}
),

unique_cores as (
    {{ unique_patient_cores('links') }}
),

encounters as (
    select * from {{ ref('std_encounter') }}
),

patients as (
    select * from {{ ref('std_patient') }}
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

linked as (
    select
        versions.*,
        coalesce(
            by_record.patient_key,
            -- a row that is told apart by its name is not the number's person
            case when by_record.person_record_id is null then by_number.patient_key end,
            encounters.patient_key,
            case when by_record.person_record_id is null then inpatients.patient_key end,
            case when by_record.person_record_id is null then unique_cores.survivor_patient_key end
        ) as patient_key,
        encounters.encounter_key,
        case
            when by_record.patient_key is not null then by_record.link_method
            when by_record.person_record_id is null and by_number.patient_key is not null then 'patient_id'
            when encounters.patient_key is not null then 'visit_id'
            when by_record.person_record_id is not null then 'none'
            when inpatients.patient_key is not null then 'inpatient_no'
            when unique_cores.survivor_patient_key is not null then 'patient_id_without_zeros'
            else 'none'
        end as link_method,
        coalesce(modes.delivery_mode, mode_maps.standard_value) as standard_delivery_mode,
        {{ mapping_status('versions.delivery_mode', 'mode_maps.standard_value', 'modes.delivery_mode') }}
            as delivery_mode_mapping_status
    from versions
    left join record_links as by_record on versions.person_record_id = by_record.person_record_id
    left join links as by_number on versions.patient_id = by_number.patient_id
    left join unique_cores on versions.patient_id_core = unique_cores.patient_id_core
    left join encounters on versions.visit_id = encounters.visit_id
    left join inpatients on versions.inpatient_no = inpatients.inpatient_no
    {{ join_code_map('mode_maps', 'versions', ['delivery_mode'], 'delivery_mode') }}
    left join modes
        on
            coalesce({{ code_key('mode_maps.standard_value') }}, {{ code_key('versions.delivery_mode') }})
            = modes.value_key
    where versions.is_current
),

-- the stay of the mother in which she gave birth
stays as (
    select
        linked.source_period,
        linked.delivery_id,
        max(encounters.encounter_key) as encounter_key
    from linked
    inner join encounters
        on
            linked.patient_key = encounters.patient_key
            and linked.delivered_at >= encounters.admitted_at - interval 24 hour
            and linked.delivered_at < coalesce(encounters.discharged_at, encounters.admitted_at + interval 30 day)
            and encounters.encounter_class in ('inpatient', 'emergency')
    where linked.encounter_key is null and encounters.encounter_status <> 'cancelled'
    group by linked.source_period, linked.delivery_id
    having count(*) = 1
),

measured as (
    select
        linked.*,
        stays.encounter_key as stay_encounter_key,
        {{ gestational_days('linked.gestational_age') }} as ga_days,
        coalesce(
            cast({{ parse_number('linked.gravidity') }} as integer), {{ gravida_part('linked.gravida_para', 1) }}
        ) as gravidity_number,
        coalesce(
            cast({{ parse_number('linked.parity') }} as integer), {{ gravida_part('linked.gravida_para', 2) }}
        ) as parity_number,
        cast({{ volume_ml('linked.blood_loss_24h', 'low') }} as double) as blood_loss_low,
        cast({{ volume_ml('linked.blood_loss_24h', 'high') }} as double) as blood_loss_high
    from linked
    left join stays
        on
            linked.delivery_id = stays.delivery_id
            and coalesce(linked.source_period, '') = coalesce(stays.source_period, '')
),

deliveries as (
    select
        {{ surrogate_key(["'delivery'", 'measured.source_period', 'measured.delivery_id']) }} as delivery_key,
        measured.patient_key,
        coalesce(measured.encounter_key, measured.stay_encounter_key) as encounter_key,
        measured.delivery_id,
        measured.gestational_age as gestational_age_source,
        case when measured.ga_days between 112 and 315 then measured.ga_days end as ga_days,
        measured.gravidity_number as gravidity,
        measured.parity_number as parity,
        cast({{ parse_number('measured.prior_cesarean_count') }} as integer) as prior_cesarean_count,
        measured.plurality as plurality_source,
        {{ plurality_of('measured.plurality') }} as plurality,
        measured.delivery_mode as delivery_mode_source_code,
        coalesce(measured.standard_delivery_mode, 'unmapped') as delivery_mode,
        measured.delivery_mode_mapping_status,
        measured.placenta_state,
        measured.has_placenta_previa,
        measured.placenta_accreta_grade as placenta_accreta_grade_source,
        measured.blood_loss_24h as blood_loss_24h_source,
        measured.blood_loss_low as blood_loss_24h_ml_lo,
        measured.blood_loss_high as blood_loss_24h_ml_hi,
        measured.transfusion_rbc_u,
        {{ parse_boolean('measured.hysterectomy') }} as has_hysterectomy,
        {{ parse_boolean('measured.uterine_artery_embolization') }} as has_uterine_artery_embolization,
        measured.anesthesia,
        {{ age_days('patients.birth_date', 'measured.delivered_at') }} as age_days,
        measured.delivered_at,
        measured.link_method,
        measured.patient_key is null as is_orphan,
        measured.version_no,
        true as is_current,
        measured.is_deleted,
        measured.valid_from,
        measured.valid_to,
        {{ flag_list([
            ['orphan_record', 'measured.patient_key is null'],
            ['value_ambiguous', "regexp_matches(measured.gestational_age, '^\\s*\\d{2}\\.\\d')"],
            [
                'value_out_of_range',
                'measured.ga_days not between 112 and 315 or measured.parity_number > measured.gravidity_number'
            ]
        ]) }} as dq_flags,
        measured.source_system,
        measured.source_period,
        measured.delivery_id as source_key,
        measured.load_id,
        measured.loaded_at
    from measured
    left join patients on measured.patient_key = patients.patient_key
)

select * from deliveries
