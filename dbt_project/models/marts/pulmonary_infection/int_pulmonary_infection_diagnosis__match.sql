-- Each diagnosis of a discharge or an outpatient visit against the ICD-10 prefixes and the words of the cohort
-- (pulmonary_infection.md 2.1 rules 1 and 2, 2.2, 2.6). The longest prefix and the longest term decide.
with diagnoses as (
    select *
    from {{ ref('std_diagnosis') }}
    where diagnosis_type in ('discharge', 'outpatient') and not coalesce(is_deleted, false)
),

prefixes as (
    select * from {{ ref('terminology__pulmonary_infection_icd_10') }}
),

terms as (
    select
        *,
        -- abbreviations in Latin letters count only as whole words
        case
            when regexp_matches(term, '^[A-Za-z0-9-]+$') then '(^|[^A-Za-z0-9])' || term || '($|[^A-Za-z0-9])'
            else replace(replace(term, '(', '\('), ')', '\)')
        end as term_pattern
    from {{ ref('value_set__pulmonary_infection_diagnosis_text') }}
),

code_parts as (
    select
        diagnosis_key,
        diagnosis_name,
        replace({{ unnest_split('diagnosis_code', '+') }}, '*', '') as code_part
    from diagnoses
    where diagnosis_code is not null
),

ranked_codes as (
    select
        code_parts.diagnosis_key,
        prefixes.code_prefix,
        prefixes.etiology_class,
        case
            when prefixes.code_prefix = 'B49' and not coalesce(code_parts.diagnosis_name like '%肺%', false) then null
            when prefixes.code_prefix = 'J95.802'
                then case when regexp_matches(code_parts.diagnosis_name, '肺炎|感染') then 'include' end
            else prefixes.cohort_role
        end as cohort_role,
        row_number() over (
            partition by code_parts.diagnosis_key, code_parts.code_part order by length(prefixes.code_prefix) desc
        ) as prefix_rank
    from code_parts
    inner join prefixes on starts_with(code_parts.code_part, prefixes.code_prefix)
),

-- of a dagger and an asterisk code, the one with the stronger role and the named cause stands for the diagnosis
best_codes as (
    select
        *,
        row_number() over (
            partition by diagnosis_key
            order by
                case cohort_role when 'include' then 1 when 'infection' then 2 when 'support' then 3 else 4 end,
                case when etiology_class = 'unspecified' then 1 else 0 end,
                code_prefix
        ) as role_rank
    from ranked_codes
    where prefix_rank = 1 and cohort_role is not null
),

ranked_terms as (
    select
        diagnoses.diagnosis_key,
        terms.etiology_class,
        terms.needs_imaging,
        bool_or(terms.etiology_class = 'exclude') over (partition by diagnoses.diagnosis_key) as has_excluding_term,
        row_number() over (
            partition by diagnoses.diagnosis_key
            order by case when terms.etiology_class = 'exclude' then 1 else 0 end, length(terms.term) desc, terms.term
        ) as term_rank
    from diagnoses
    inner join terms on regexp_matches(diagnoses.diagnosis_name, terms.term_pattern)
    where
        diagnoses.certainty = 'confirmed'
        and not regexp_matches(diagnoses.diagnosis_name, '^(无|否认|未见|排除|非)')
),

matched as (
    select
        diagnoses.diagnosis_key,
        diagnoses.encounter_key,
        diagnoses.diagnosis_type,
        diagnoses.sequence_no,
        diagnoses.diagnosis_code,
        diagnoses.diagnosis_name,
        diagnoses.present_on_admission,
        best_codes.cohort_role as code_role,
        best_codes.etiology_class as code_class,
        case when not ranked_terms.has_excluding_term then ranked_terms.etiology_class end as text_class,
        case when not ranked_terms.has_excluding_term then coalesce(ranked_terms.needs_imaging, false) end
            as text_needs_imaging,
        coalesce(regexp_matches(diagnoses.diagnosis_name, '呼吸机相关性肺炎|(^|[^A-Za-z])VAP($|[^A-Za-z])'), false)
            as names_vap,
        coalesce(
            regexp_matches(diagnoses.diagnosis_name, '医院获得性肺炎|院内获得性肺炎|(^|[^A-Za-z])HAP($|[^A-Za-z])'), false
        ) as names_hap,
        diagnoses.source_system,
        diagnoses.load_id,
        diagnoses.loaded_at
    from diagnoses
    left join best_codes on diagnoses.diagnosis_key = best_codes.diagnosis_key and best_codes.role_rank = 1
    left join ranked_terms on diagnoses.diagnosis_key = ranked_terms.diagnosis_key and ranked_terms.term_rank = 1
    where best_codes.diagnosis_key is not null or ranked_terms.diagnosis_key is not null
)

select * from matched
