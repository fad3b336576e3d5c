"""What is open has a row of its own. No source stands on its last answer any more: that told nothing of these."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0010_read_whole'),
        ('ropa', '0002_who_had_which_role'),
    ]

    operations = [
        migrations.CreateModel(
            name='LedgerOpen',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject_kind', models.CharField(max_length=20)),
                ('subject', models.CharField(max_length=100)),
                ('source', models.CharField(help_text='which register said it, or api:USER', max_length=120)),
                ('revision', models.BigIntegerField(default=0, help_text='a later revision supersedes an earlier one')),
                ('contract', models.CharField(blank=True, max_length=100)),
                ('purpose', models.CharField(blank=True, max_length=60)),
                ('name', models.CharField(max_length=60)),
                ('thing', models.CharField(blank=True, max_length=100)),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='ropa.organisation')),
            ],
            options={
                'ordering': ['organisation_id', 'subject_kind', 'subject', 'name'],
                'constraints': [models.UniqueConstraint(fields=('organisation', 'subject_kind', 'subject', 'contract', 'purpose', 'name', 'thing', 'source'), name='retention_ledgeropen_once')],
            },
        ),
        migrations.RunSQL("UPDATE retention_collection SET token = '' WHERE token <> ''", migrations.RunSQL.noop),
    ]
