-- The wide analysis table: pulmonary_infection.md 3.1, the fields built so far.
with episodes as (
    select * from {{ ref('int_pulmonary_infection_episode__group') }}
),

measures as (
    select * from {{ ref('int_pulmonary_infection_episode__measure') }}
),

scores as (
    select * from {{ ref('int_pulmonary_infection_score__curb65') }}
),

imaging as (
    select * from {{ ref('int_pulmonary_infection_imaging__read') }}
),

comorbidities as (
    select
        patient_key,
        diagnosis_code,
        coalesce(diagnosed_at, loaded_at) as known_at
    from {{ ref('std_diagnosis') }}
    where not is_deleted
),

flags as (
    select
        episodes.episode_id,
        bool_or(
            regexp_matches(comorbidities.diagnosis_code, '^(C[0-8]|C9[0-7])')
            and not starts_with(comorbidities.diagnosis_code, 'C44')
        ) as cm_neoplastic,
        bool_or(regexp_matches(comorbidities.diagnosis_code, '^(K70|K73|K74|B18|I85)')) as cm_liver,
        bool_or(regexp_matches(comorbidities.diagnosis_code, '^(I50|I11\.0|I13\.0|I13\.2)')) as cm_chf,
        bool_or(regexp_matches(comorbidities.diagnosis_code, '^(I6[0-4]|I69|G45)')) as cm_cerebrovascular,
        bool_or(regexp_matches(comorbidities.diagnosis_code, '^(N18|N03|N04|I12|I13|Z99\.2)')) as cm_renal,
        bool_or(regexp_matches(comorbidities.diagnosis_code, '^E1[0-4]')) as cm_diabetes,
        bool_or(starts_with(comorbidities.diagnosis_code, 'J44')) as cm_copd
    from episodes
    inner join comorbidities on episodes.patient_key = comorbidities.patient_key
    group by episodes.episode_id
),

first_ct as (
    select
        episodes.episode_id,
        min(imaging.study_time) as first_chest_ct_time
    from episodes
    inner join imaging on episodes.patient_key = imaging.patient_key and imaging.modality = 'CT'
    where
        {{ hours_between('episodes.t_index', 'imaging.study_time') }} >= -24
        and imaging.study_time <= coalesce(episodes.discharge_time, episodes.t_index + interval 14 day)
    group by episodes.episode_id
),

multilobar as (
    select
        episodes.episode_id,
        bool_or(imaging.opacity_lobes like '%;%' or coalesce(imaging.bilateral, false)) as is_multilobar,
        bool_or(imaging.modality = 'CT' and imaging.has_report) as has_ct_report
    from episodes
    inner join imaging on episodes.patient_key = imaging.patient_key and imaging.has_report
    where {{ in_window('imaging.study_time', 'episodes.t_index', -24, 72) }}
    group by episodes.episode_id
),

assembled as (
    select
        episodes.episode_id,
        episodes.patient_id,
        episodes.first_visit_id as index_encounter_id,
        case when episodes.sex in ('M', 'F') then episodes.sex else 'U' end as sex,
        case
            when {{ completed_years('episodes.birth_date', 'cast(episodes.t_index as date)') }} between 0 and 120
                then {{ completed_years('episodes.birth_date', 'cast(episodes.t_index as date)') }}
        end as age_years,
        episodes.arrival_time,
        episodes.t_index,
        episodes.admission_time,
        episodes.discharge_time,
        episodes.icu_admit_time,
        episodes.visit_type,
        episodes.pi_type,
        episodes.pi_etiology,
        episodes.principal_icd10,
        episodes.principal_dx_text,
        episodes.qualifying_rule,
        case
            when episodes.is_by_infection_role and not coalesce(episodes.pneumonia_on_imaging, false)
                then 'infection_only'
            else 'pneumonia'
        end as cohort_tier,
        coalesce(flags.cm_neoplastic, false) as cm_neoplastic,
        coalesce(flags.cm_liver, false) as cm_liver,
        coalesce(flags.cm_chf, false) as cm_chf,
        coalesce(flags.cm_cerebrovascular, false) as cm_cerebrovascular,
        coalesce(flags.cm_renal, false) as cm_renal,
        coalesce(flags.cm_diabetes, false) as cm_diabetes,
        coalesce(flags.cm_copd, false) as cm_copd,
        measures.temp_max_c,
        measures.temp_min_c,
        measures.pulse_max,
        measures.rr_max,
        measures.sbp_min,
        measures.dbp_min,
        measures.map_min,
        measures.spo2_room_air_min,
        measures.spo2_min,
        measures.gcs_min,
        measures.confusion_new,
        measures.wbc_first,
        measures.lymph_min,
        measures.crp_max,
        measures.procalcitonin_max,
        measures.ddimer_feu_max,
        measures.urea_max,
        measures.creat_max,
        episodes.first_antimicrobial_time,
        first_ct.first_chest_ct_time,
        case
            when first_ct.first_chest_ct_time >= episodes.arrival_time
                then cast(floor(
                    {{ hours_between('episodes.arrival_time', 'first_ct.first_chest_ct_time') }} * 60
                ) as integer)
        end as door_to_ct_min,
        episodes.pneumonia_on_imaging,
        case
            when multilobar.is_multilobar then true
            when multilobar.has_ct_report then false
        end as multilobar,
        scores.total as curb65_total,
        scores.risk_group as curb65_risk_group,
        round({{ hours_between('episodes.admission_time', 'episodes.discharge_time') }} / 24.0, 1) as los_days,
        episodes.discharge_disposition,
        episodes.readmission_count,
        'derived' as source_system,
        episodes.load_id,
        episodes.loaded_at
    from episodes
    left join measures on episodes.episode_id = measures.episode_id
    left join scores on episodes.episode_id = scores.episode_id
    left join flags on episodes.episode_id = flags.episode_id
    left join first_ct on episodes.episode_id = first_ct.episode_id
    left join multilobar on episodes.episode_id = multilobar.episode_id
)

select * from assembled
