-- What share of coded rows and of different codes reached a concept, for each source, domain and code system
-- (feature 56). Deleted rows do not count. The version is the one of the list or edition the codes were read with.
{% set domains = [
    ('diagnosis', ref('std_diagnosis_statement'), "code_system", "code_version", "coalesce(code_norm, name_key)",
        "is_current and not is_deleted"),
    ('procedure', ref('std_procedure'), "code_system", "code_version", "coalesce(code_norm, procedure_name)",
        "not is_deleted"),
    ('lab_item', ref('std_lab_result'), "case when item_mapping_basis = 'loinc' then 'loinc' else 'local' end",
        "cast(null as varchar)", "concat_ws('/', item_source_code, item_source_name)", "not is_deleted"),
    ('lab_unit', ref('std_lab_result'), "'ucum'", "cast(null as varchar)", "unit_source",
        "not is_deleted and unit_source is not null")
] %}

with counted as (
    {% for domain, relation, code_system, code_version, code, condition in domains -%}
        select
            source_system,
            '{{ domain }}' as domain,
            coalesce({{ code_system }}, 'words') as code_system,
            {{ code_version }} as code_version,
            {{ code }} as code,
            {% if domain == 'lab_unit' -%}
                case when unit is not null then 'mapped' else 'unmapped' end as mapping_status,
            {%- elif domain == 'lab_item' -%}
                item_mapping_status as mapping_status,
            {%- else -%}
                mapping_status,
            {%- endif %}
            load_id,
            loaded_at
        from {{ relation }}
        where {{ condition }}
        {% if not loop.last %}union all
        {% endif -%}
    {% endfor %}
),

coverage as (
    select
        source_system,
        domain,
        code_system,
        max(code_version) as code_version,
        count(*) as row_count,
        count(case when mapping_status <> 'unmapped' then 1 end) as mapped_row_count,
        count(case when mapping_status = 'reviewed' then 1 end) as reviewed_row_count,
        count(distinct code) as code_count,
        count(distinct case when mapping_status <> 'unmapped' then code end) as mapped_code_count,
        cast(count(case when mapping_status <> 'unmapped' then 1 end) as double) / count(*) as row_coverage_rate,
        cast(count(distinct case when mapping_status <> 'unmapped' then code end) as double)
        / nullif(count(distinct code), 0) as code_coverage_rate,
        max(load_id) as load_id,
        max(loaded_at) as loaded_at
    from counted
    group by source_system, domain, code_system
)

select * from coverage
