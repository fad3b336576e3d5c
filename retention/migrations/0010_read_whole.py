from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0009_canary_unread'),
    ]

    operations = [
        migrations.AddField(
            model_name='ledgerrevision',
            name='whole',
            field=models.PositiveBigIntegerField(default=0, help_text='of these, how often by a source that was read whole'),
        ),
    ]
