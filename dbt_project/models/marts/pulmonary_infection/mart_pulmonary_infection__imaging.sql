-- Chest studies from 30 days before to 90 days after the course of an episode (check PI-C25).
with episodes as (
    select * from {{ ref('int_pulmonary_infection_episode__group') }}
),

imaging as (
    select * from {{ ref('int_pulmonary_infection_imaging__read') }}
),

ai_findings as (
    select * from {{ ref('std_ai_finding') }}
),

-- a study between two episodes belongs to the one whose index is nearest
paired as (
    select
        imaging.*,
        episodes.episode_id,
        episodes.patient_id,
        row_number() over (
            partition by imaging.study_key
            order by abs({{ hours_between('episodes.t_index', 'imaging.study_time') }}), episodes.episode_id
        ) as episode_rank
    from imaging
    inner join episodes on imaging.patient_key = episodes.patient_key
    where
        imaging.study_time >= episodes.t_index - interval 30 day
        and imaging.study_time
        <= coalesce(episodes.discharge_time, episodes.t_index + interval 14 day) + interval 90 day
),

nodules as (
    select
        study_key,
        string_agg(
            distinct algorithm || ' ' || algorithm_version, '; ' order by algorithm || ' ' || algorithm_version
        ) as ai_vendor_model,
        count(*) as ai_nodule_count,
        max(mean_diameter_mm) as ai_nodule_max_mm
    from ai_findings
    where is_current and scope = 'lesion' and finding_type = 'nodule'
    group by study_key
),

assembled as (
    select
        paired.episode_id,
        paired.patient_id,
        paired.study_uid,
        paired.study_time,
        paired.modality,
        paired.has_images,
        paired.report_time,
        paired.findings_text,
        paired.impression_text,
        paired.bilateral,
        paired.opacity_lobes,
        paired.effusion_side,
        paired.change_vs_prior,
        paired.corads_reported,
        {% for sign in sign_columns() -%}
            paired.{{ sign }},
        {% endfor -%}
        nodules.ai_vendor_model,
        cast(nodules.ai_nodule_count as integer) as ai_nodule_count,
        nodules.ai_nodule_max_mm,
        paired.link_method,
        paired.source_system,
        paired.load_id,
        paired.loaded_at
    from paired
    left join nodules on paired.study_key = nodules.study_key
    where paired.episode_rank = 1
)

select * from assembled
