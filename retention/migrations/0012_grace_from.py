from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("retention", "0011_still_open"),
    ]

    operations = [
        migrations.AddField(
            model_name="lot",
            name="grace_from",
            field=models.DateField(help_text="the night from which its grace counts", null=True),
        ),
    ]
