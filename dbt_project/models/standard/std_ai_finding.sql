-- One row per finding of each AI result that is held. Of several versions of one algorithm the newest is current; of
-- several runs of that version the last. One run may send several objects, so those of its last hour belong together.
with results as (
    -- a report that only a person made is no AI result
    select * from {{ ref('stg_ai__result') }}
    where is_current and coalesce(observer_type, 'device') <> 'person'
),

findings as (
    select * from {{ ref('stg_ai__finding') }}
),

studies as (
    select * from {{ ref('std_imaging_study') }}
),

ranked as (
    select
        *,
        rank() over (
            partition by study_instance_uid, algorithm order by {{ version_order('algorithm_version') }} desc
        ) as version_rank,
        max(observed_at) over (partition by study_instance_uid, algorithm, algorithm_version) as last_observed_at
    from results
),

ai_findings as (
    select
        {{ surrogate_key(["'ai_finding'", 'findings.finding_id']) }} as ai_finding_key,
        studies.study_key,
        studies.patient_key,
        ranked.study_instance_uid,
        ranked.sop_instance_uid,
        findings.finding_number,
        findings.scope,
        findings.finding_type,
        findings.finding_type_source_code,
        findings.finding_type_source_name,
        findings.finding_type_mapping_status,
        findings.finding_site,
        findings.finding_site_source_code,
        findings.finding_site_source_name,
        findings.finding_site_mapping_status,
        findings.laterality,
        findings.nodule_type,
        findings.long_axis_mm,
        findings.short_axis_mm,
        round(
            coalesce(
                findings.mean_diameter_mm, (findings.long_axis_mm + findings.short_axis_mm) / 2.0, findings.diameter_mm,
                findings.long_axis_mm
            ), 3
        ) as mean_diameter_mm,
        case
            when findings.mean_diameter_mm is not null then 'reported'
            when findings.short_axis_mm is not null then 'computed'
            when coalesce(findings.diameter_mm, findings.long_axis_mm) is not null then 'single_axis'
        end as mean_diameter_status,
        findings.volume_mm3,
        findings.mean_hu,
        findings.probability,
        findings.lung_rads,
        ranked.version_rank = 1
        and coalesce({{ hours_between('ranked.observed_at', 'ranked.last_observed_at') }} <= 1, true) as is_current,
        studies.study_key is null as is_orphan,
        ranked.observed_at,
        coalesce(findings.algorithm, ranked.algorithm, 'unknown') as algorithm,
        coalesce(findings.algorithm_version, ranked.algorithm_version, 'unknown') as algorithm_version,
        ranked.source_system,
        ranked.load_id,
        ranked.loaded_at
    from findings
    inner join ranked on findings.result_id = ranked.result_id
    left join studies on ranked.study_instance_uid = studies.study_instance_uid and studies.has_images
)

select * from ai_findings
