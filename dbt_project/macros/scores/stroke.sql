{# A code as it is compared: half width, without spaces, in upper case (pulmonary_infection.md 0.3). #}
{% macro plain_code(column) -%}
    nullif(
        upper(translate({{ column }}, '０１２３４５６７８９ＵＮＴＡＣｕｎｔａｃ．＋－：； 　', '0123456789UNTACuntac.+-:;')), ''
    )
{%- endmacro %}


{#
    NIHSS (stroke.md 4.1) from its 15 items as written: a number, or UN where the item may be untestable, which counts 0.
    The items decide when all are there and valid; else the total that was recorded.
#}
{% macro stroke_nihss(relation, key) -%}
    {%- set highest = {
        '1a': 3, '1b': 2, '1c': 2, '2': 2, '3': 3, '4': 3, '5a': 4, '5b': 4, '6a': 4, '6b': 4, '7': 2, '8': 2, '9': 3,
        '10': 2, '11': 2
    } -%}
    {%- set untestable = ['5a', '5b', '6a', '6b', '7', '10'] -%}
    select
        {{ key }},
        total,
        source,
        un_n,
        missing_n,
        invalid_n,
        case when source = 'items' then total <> recorded end as mismatch,
        {{ band_of('total', 'total', [[0, 'none'], [4, 'minor'], [15, 'moderate'], [20, 'moderate_severe'], [42, 'severe']]) }}
            as band
    from (
        select
            *,
            case when missing_n + invalid_n = 0 then item_sum else recorded end as total,
            case
                when missing_n + invalid_n = 0 then 'items'
                when recorded is not null then 'recorded'
            end as source
        from (
            select
                {{ key }},
                recorded,
                {% for item in highest -%}
                    coalesce(item_{{ item }}, 0){% if not loop.last %} + {% endif %}
                {%- endfor %} as item_sum,
                {% for item in untestable -%}
                    cast(coalesce(written_{{ item }} = 'UN', false) as integer){% if not loop.last %} + {% endif %}
                {%- endfor %} as un_n,
                {% for item in highest -%}
                    cast(written_{{ item }} is null as integer){% if not loop.last %} + {% endif %}
                {%- endfor %} as missing_n,
                {% for item in highest -%}
                    cast(
                        written_{{ item }} is not null and item_{{ item }} is null
                        {% if item in untestable %}and written_{{ item }} <> 'UN'{% endif %} as integer
                    ){% if not loop.last %} + {% endif %}
                {%- endfor %} as invalid_n
            from (
                select
                    *,
                    {% for item, most in highest.items() -%}
                        {{ whole_within('try_cast(written_' ~ item ~ ' as decimal(18, 6))', 0, most) }} as item_{{ item }},
                    {% endfor -%}
                    {{ whole_within('recorded_total', 0, 42) }} as recorded
                from (
                    select
                        {{ key }},
                        {% for item in highest -%}
                            {{ plain_code('item_' ~ item) }} as written_{{ item }},
                        {% endfor -%}
                        recorded_total
                    from {{ relation }}
                )
            )
        )
    )
{%- endmacro %}


{#
    Glasgow coma scale (stroke.md 4.2). T or A for speech and C for eyes are not testable: no total, and 1 in the least. A
    recorded total serves only where a component is missing and none is untestable.
#}
{% macro stroke_gcs(relation, key) -%}
    select
        {{ key }},
        total,
        min,
        case when total is null then null when eyes + speech + movement is not null then 'components' else 'recorded' end
            as source,
        not_testable,
        {{ band_of('total', 'total', [[8, 'severe'], [12, 'moderate'], [15, 'mild']]) }} as band
    from (
        select
            *,
            case when not not_testable then coalesce(eyes + speech + movement, recorded) end as total,
            coalesce(eyes, case when eyes_closed then 1 end)
            + coalesce(speech, case when speechless then 1 end)
            + movement as min
        from (
            select
                *,
                eyes_closed or speechless as not_testable
            from (
                select
                    {{ key }},
                    {{ whole_within('try_cast(eye as decimal(18, 6))', 1, 4) }} as eyes,
                    {{ whole_within('try_cast(verbal as decimal(18, 6))', 1, 5) }} as speech,
                    {{ whole_within('try_cast(motor as decimal(18, 6))', 1, 6) }} as movement,
                    recorded,
                    coalesce(eye = 'C', false) as eyes_closed,
                    coalesce(verbal in ('T', 'A'), false) as speechless
                from (
                    select
                        {{ key }},
                        {{ plain_code('eye') }} as eye,
                        {{ plain_code('verbal') }} as verbal,
                        {{ plain_code('motor') }} as motor,
                        {{ whole_within('recorded_total', 3, 15) }} as recorded
                    from {{ relation }}
                )
            )
        )
    )
{%- endmacro %}


{#
    mRS at 90 days (stroke.md 4.3): 6 for a death until then, else the assessment nearest to day 90 within days 76 to 104,
    the later of two, and of one day the last. `assessments_day_score` are pairs of day and score, joined by semicolons;
    what is no such pair is dropped.
#}
{% macro stroke_mrs(relation, key) -%}
    select
        {{ key }},
        mrs_90d,
        mrs_90d_day,
        mrs_90d <= 2 as independent,
        mrs_90d <= 1 as excellent
    from (
        select
            subjects.{{ key }},
            case when subjects.died_on <= 90 then 6 else nearest.score end as mrs_90d,
            case when subjects.died_on <= 90 then subjects.died_on else nearest.day end as mrs_90d_day
        from (
            select
                {{ key }},
                {{ whole_within('death_day', 0, 36500) }} as died_on
            from {{ relation }}
        ) as subjects
        left join (
            select
                {{ key }},
                min_by(day, preference) as day,
                min_by(score, preference) as score
            from (
                select
                    {{ key }},
                    died_on,
                    day,
                    score,
                    -- distance first, then the later day, then the later place
                    cast(abs(day - 90) * 1000 - day as bigint) * 1000000 - place as preference
                from (
                    select
                        {{ key }},
                        died_on,
                        place,
                        {{ whole_within("try_cast(split_part(pair, ':', 1) as decimal(18, 6))", 76, 104) }} as day,
                        {{ whole_within("try_cast(split_part(pair, ':', 2) as decimal(18, 6))", 0, 6) }} as score
                    from (
                        select
                            *,
                            split_part(assessments, ';', place) as pair
                        from (
                            select
                                *,
                                {{ item_places('assessments') }} as place
                            from (
                                select
                                    {{ key }},
                                    {{ whole_within('death_day', 0, 36500) }} as died_on,
                                    {{ plain_code('assessments_day_score') }} as assessments
                                from {{ relation }}
                            )
                        )
                    )
                    where split_part(pair, ':', 3) = ''
                )
            )
            where day is not null and score is not null and day <= coalesce(died_on, day)
            group by {{ key }}
        ) as nearest
            on subjects.{{ key }} = nearest.{{ key }}
    )
{%- endmacro %}


{# One row for the place of each item, from 1, of a text that joins them by semicolons. #}
{% macro item_places(column) -%}
    {{ adapter.dispatch('item_places', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__item_places(column) -%}
    unnest(range(1, len(string_split({{ column }}, ';')) + 1))
{%- endmacro %}

{% macro spark__item_places(column) -%}
    explode(case when {{ column }} is not null then sequence(1, size(split({{ column }}, ';'))) end)
{%- endmacro %}


{# ASPECTS (stroke.md 4.4): 10 less the regions with early change; regions win over a total that was recorded. #}
{% macro stroke_aspects(relation, key) -%}
    {%- set regions = ['caudate', 'lentiform', 'internal_capsule', 'insula', 'm1', 'm2', 'm3', 'm4', 'm5', 'm6'] -%}
    select
        {{ key }},
        case when missing_n = 0 then 10 - affected else recorded end as total,
        10 - affected - missing_n as min,
        10 - affected as max,
        case when missing_n = 0 then 'regions' when recorded is not null then 'recorded' end as source
    from (
        select
            {{ key }},
            {% for region in regions -%}
                cast(coalesce({{ region }}, false) as integer){% if not loop.last %} + {% endif %}
            {%- endfor %} as affected,
            {{ missing_count(regions) }} as missing_n,
            {{ whole_within('recorded_total', 0, 10) }} as recorded
        from {{ relation }}
    )
{%- endmacro %}


{# pc-ASPECTS (stroke.md 4.4): 10 less 1 a side of thalamus, cerebellum and PCA territory, less 2 for midbrain and pons. #}
{% macro stroke_pc_aspects(relation, key) -%}
    select
        {{ key }},
        10
        {% for region in [
            'left_thalamus', 'right_thalamus', 'left_cerebellum', 'right_cerebellum', 'left_pca', 'right_pca'
        ] -%}
            - cast({{ region }} as integer)
        {% endfor -%}
        - 2 * cast(midbrain as integer)
        - 2 * cast(pons as integer) as total
    from {{ relation }}
{%- endmacro %}


{#
    TOAST (Adams 1993; stroke.md 4.6) of an ischaemic stroke; evidence that is not known is none. A lacune needs both
    work-ups, as does the statement that there is no cause.
#}
{% macro stroke_toast(relation, key) -%}
    select
        {{ key }},
        case
            when not coalesce(is_ischaemic_stroke, false) then null
            when evidence_n >= 2 then 'SUE_MULTIPLE'
            when is_laa then 'LAA'
            when is_ce then 'CE'
            when is_soe then 'SOE'
            when is_sao and is_worked_up then 'SAO'
            when is_sao then 'SUE_INCOMPLETE'
            when coalesce(cardioembolic_medium_risk, false) then 'CE'
            when is_worked_up then 'SUE_NEGATIVE'
            else 'SUE_INCOMPLETE'
        end as subtype
    from (
        select
            *,
            cast(is_laa as integer) + cast(is_ce as integer) + cast(is_sao as integer) + cast(is_soe as integer)
                as evidence_n
        from (
            select
                {{ key }},
                is_ischaemic_stroke,
                cardioembolic_medium_risk,
                coalesce({{ within('relevant_stenosis_pct', 0, 100) }} >= 50, false)
                or coalesce(relevant_occlusion, false) as is_laa,
                coalesce(cardioembolic_high_risk, false) as is_ce,
                coalesce(deep_lesion and lesion < 15, false)
                or coalesce(
                    lacunar_syndrome and (lesion is null or (lesion < 15 and coalesce(deep_lesion, true))), false
                ) as is_sao,
                coalesce(other_determined_cause, false) as is_soe,
                coalesce(vascular_imaging_done, false) and coalesce(cardiac_evaluation_done, false) as is_worked_up
            from (
                select
                    *,
                    {{ within('lesion_max_mm', 0, 300) }} as lesion
                from {{ relation }}
            )
        )
    )
{%- endmacro %}


{# ICH score (Hemphill 2001; stroke.md 4.7) with the published mortality within 30 days, where both ends agree on it. #}
{% macro stroke_ich_score(relation, key) -%}
    {%- set items = [['coma', 2], ['large', 1], ['ventricular', 1], ['below_tentorium', 1], ['age', 1]] -%}
    {%- set mortality = [[0, 0], [1, 13], [2, 26], [3, 72], [4, 97], [6, 100]] -%}
    select
        {{ key }},
        {{ item_total(items) }} as total,
        {{ item_min(items) }} as min,
        {{ item_max(items) }} as max,
        cast({{ band_of(item_min(items), item_max(items), mortality) }} as integer) as mortality30_pct
    from (
        select
            {{ key }},
            case when gcs <= 4 then 2 when gcs <= 12 then 1 when gcs <= 15 then 0 end as coma,
            {{ points(within('volume_ml', 0, 300) ~ ' >= 30') }} as large,
            cast(ivh as integer) as ventricular,
            cast(infratentorial as integer) as below_tentorium,
            {{ points(within('age_years', 18, 120) ~ ' >= 80') }} as age
        from (
            select
                *,
                {{ whole_within('gcs_total', 3, 15) }} as gcs
            from {{ relation }}
        )
    )
{%- endmacro %}


{# Hunt and Hess (stroke.md 4.8): the recorded grade, else one derived from the first examination. #}
{% macro stroke_hunt_hess(relation, key) -%}
    select
        {{ key }},
        coalesce(recorded, derived) as grade,
        case when recorded is not null then 'recorded' when derived is not null then 'derived' end as source
    from (
        select
            *,
            case
                when awareness = 'coma' or coalesce(decerebrate, false) then 5
                when awareness = 'stupor' or weakness = 'moderate_severe' then 4
                when awareness is null or weakness is null then null
                when awareness in ('drowsy', 'confused') or weakness = 'mild' then 3
                when
                    pain in ('moderate', 'severe') or lower(neck_stiffness) = 'marked'
                    or coalesce(cranial_nerve_palsy, false)
                    then 2
                when pain is null then null
                else 1
            end as derived
        from (
            select
                {{ key }},
                decerebrate,
                cranial_nerve_palsy,
                neck_stiffness,
                {{ whole_within('recorded_grade', 1, 5) }} as recorded,
                case
                    when lower(consciousness) in ('alert', 'drowsy', 'confused', 'stupor', 'coma') then lower(consciousness)
                end as awareness,
                case when lower(hemiparesis) in ('none', 'mild', 'moderate_severe') then lower(hemiparesis) end as weakness,
                case when lower(headache) in ('none', 'mild', 'moderate', 'severe') then lower(headache) end as pain
            from {{ relation }}
        )
    )
{%- endmacro %}


{# WFNS (stroke.md 4.8): a motor deficit counts at GCS 13 and 14 only. #}
{% macro stroke_wfns(relation, key) -%}
    select
        {{ key }},
        case
            when gcs = 15 then 1
            when gcs >= 13 then 2 + cast(motor_deficit as integer)
            when gcs >= 7 then 4
            when gcs >= 3 then 5
        end as grade
    from (
        select
            *,
            {{ whole_within('gcs_total', 3, 15) }} as gcs
        from {{ relation }}
    )
{%- endmacro %}


{# Modified Fisher (stroke.md 4.9); any intraventricular blood counts. #}
{% macro stroke_modified_fisher(relation, key) -%}
    select
        {{ key }},
        case
            when lower(sah_thickness) = 'none' then case when ivh then 2 when not ivh then 0 end
            when lower(sah_thickness) = 'thin' then case when ivh then 2 when not ivh then 1 end
            when lower(sah_thickness) = 'thick' then case when ivh then 4 when not ivh then 3 end
        end as grade
    from {{ relation }}
{%- endmacro %}


{# ABCD2 (Johnston 2007; stroke.md 4.11). Weakness counts 2, else speech 1: the two do not add. #}
{% macro stroke_abcd2(relation, key) -%}
    {%- set lowest = 'coalesce(age, 0) + coalesce(pressure, 0) + clinical_min + coalesce(duration, 0) + coalesce(sugar, 0)' -%}
    {%- set highest = 'coalesce(age, 1) + coalesce(pressure, 1) + clinical_max + coalesce(duration, 2) + coalesce(sugar, 1)' -%}
    select
        {{ key }},
        case when clinical_min = clinical_max then age + pressure + clinical_min + duration + sugar end as total,
        {{ lowest }} as min,
        {{ highest }} as max,
        {{ band_of(lowest, highest, [[3, 'low'], [5, 'moderate'], [7, 'high']]) }} as risk
    from (
        select
            {{ key }},
            {{ points(within('age_years', 18, 120) ~ ' >= 60') }} as age,
            {{ points(within('sbp_mmhg', 40, 300) ~ ' >= 140 or ' ~ within('dbp_mmhg', 20, 180) ~ ' >= 90') }} as pressure,
            case when unilateral_weakness then 2 when speech_disturbance then 1 else 0 end as clinical_min,
            case
                when coalesce(unilateral_weakness, true) then 2
                when coalesce(speech_disturbance, true) then 1
                else 0
            end as clinical_max,
            case
                when duration_min between 0 and 1440
                    then case when duration_min >= 60 then 2 when duration_min >= 10 then 1 else 0 end
            end as duration,
            cast(diabetes as integer) as sugar
        from {{ relation }}
    )
{%- endmacro %}


{#
    CHA2DS2-VASc (Lip 2010; stroke.md 4.12) of non-valvular atrial fibrillation, before the event, and after it, when the
    event itself counts as a stroke.
#}
{% macro stroke_cha2ds2_vasc(relation, key) -%}
    {%- set others = [['heart', 1], ['pressure', 1], ['age', 2], ['sugar', 1], ['vessels', 1], ['female', 1]] -%}
    select
        {{ key }},
        case when applies then {{ item_total(others) }} + 2 * before end as pre,
        case when applies then {{ item_min(others) }} + 2 * coalesce(before, 0) end as pre_min,
        case when applies then {{ item_max(others) }} + 2 * coalesce(before, 1) end as pre_max,
        case when applies then {{ item_total(others) }} + 2 * cast(before = 1 or index_event_is_stroke_tia as integer) end
            as post
    from (
        select
            {{ key }},
            coalesce(af, false) and not coalesce(valvular_af, false) as applies,
            index_event_is_stroke_tia,
            cast(chf as integer) as heart,
            cast(hypertension as integer) as pressure,
            case
                when age_years between 18 and 120
                    then case when age_years >= 75 then 2 when age_years >= 65 then 1 else 0 end
            end as age,
            cast(diabetes as integer) as sugar,
            cast(prior_stroke_tia_te as integer) as before,
            cast(vascular_disease as integer) as vessels,
            case upper(sex) when 'F' then 1 when 'M' then 0 end as female
        from {{ relation }}
    )
{%- endmacro %}


{#
    Volume of a haematoma by A x B x C / 2 (Kothari 1996; stroke.md 4.13), beside it the third of the product. C is measured,
    or the slices weighted by their area: 1 above 75 % of the largest, 0.5 from 25 %, else 0.
#}
{% macro stroke_abc2_volume(relation, key) -%}
    select
        {{ key }},
        c as c_mm,
        round(a * b * c / 2000, 2) as abc2_ml,
        round(a * b * c / 3000, 2) as abc3_ml
    from (
        select
            subjects.{{ key }},
            cast(subjects.a as double) as a,
            cast(subjects.b as double) as b,
            cast(coalesce(subjects.c, slices.weight * subjects.thickness) as double) as c
        from (
            select
                {{ key }},
                case when a_mm > 0 and a_mm <= 300 then a_mm end as a,
                case when b_mm > 0 and b_mm <= 300 then b_mm end as b,
                case when c_mm > 0 and c_mm <= 300 then c_mm end as c,
                case when slice_thickness_mm > 0 and slice_thickness_mm <= 50 then slice_thickness_mm end as thickness
            from {{ relation }}
        ) as subjects
        left join (
            select
                {{ key }},
                -- one slice that cannot be read, or is left empty, leaves the extent unknown
                case
                    when count(area) = count(*)
                        then sum(case when area > 75 then 1.0 when area >= 25 then 0.5 else 0.0 end)
                end as weight
            from (
                select
                    {{ key }},
                    {{ within('try_cast(item as decimal(18, 6))', 0, 100) }} as area
                from (
                    select
                        {{ key }},
                        {{ split_items("trim(both ';' from " ~ plain_code('slice_area_pct_of_max') ~ ")") }} as item
                    from {{ relation }}
                )
            )
            group by {{ key }}
        ) as slices
            on subjects.{{ key }} = slices.{{ key }}
    )
{%- endmacro %}


{#
    Intervals of acute care in whole minutes (stroke.md 4.14). The door is the arrival, in hospital the recognition; an
    interval that runs backwards is null and told.
#}
{% macro stroke_door_to_needle(relation, key) -%}
    {%- set intervals = ['door_to_ct_min', 'dnt_min', 'dpt_min', 'ont_min'] -%}
    select
        {{ key }},
        case when door_to_ct_min >= 0 then door_to_ct_min end as door_to_ct_min,
        case when dnt_min >= 0 then dnt_min end as dnt_min,
        case when dnt_min >= 0 then dnt_min <= 60 end as dnt_le_60,
        case when dpt_min >= 0 then dpt_min end as dpt_min,
        case when dpt_min >= 0 then dpt_min <= 90 end as dpt_le_90,
        case when ont_min >= 0 then ont_min end as ont_min,
        case when ont_min >= 0 then ont_min <= 270 end as ont_le_270,
        {% for interval in intervals -%}
            coalesce({{ interval }} < 0, false){% if not loop.last %} or {% endif %}
        {%- endfor %} as negative_interval
    from (
        select
            {{ key }},
            {{ minutes_after('door', 'first_ct_time') }} as door_to_ct_min,
            {{ minutes_after('door', 'needle_time') }} as dnt_min,
            {{ minutes_after('door', 'puncture_time') }} as dpt_min,
            {{ minutes_after('coalesce(onset_time, last_known_well_time)', 'needle_time') }} as ont_min
        from (
            select
                *,
                case when coalesce(in_hospital_stroke, false) then recognition_time else arrival_time end as door
            from {{ relation }}
        )
    )
{%- endmacro %}
